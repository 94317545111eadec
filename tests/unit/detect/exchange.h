/* One exchange of HTTP, as several tests feed it. */
#ifndef CIVICSHIELD_TESTS_DETECT_EXCHANGE_H
#define CIVICSHIELD_TESTS_DETECT_EXCHANGE_H

#include "detect_world.h"

static const char request[] = "GET /index.html?q=evil HTTP/1.1\r\nHost: www.Example.com\r\n"
                              "User-Agent: test/1\r\n\r\n";
static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n"
                               "Content-Type: text/plain\r\n\r\nhello world";

#endif
