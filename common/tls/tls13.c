/* The C API of gRPC 1.51 has no way to ask for a least TLS version; its security layer asks
 * OpenSSL for 1.2 by SSL_CTX_set_min_proto_version(), which is a macro over SSL_CTX_ctrl().
 * An executable's own SSL_CTX_ctrl() is found before that of libssl, so this one stands in
 * front and turns each request for an older version into one for 1.3.
 *
 * Contexts that can only be clients are left alone: libcurl makes such, and a cluster of
 * Elasticsearch may still speak 1.2.  gRPC makes contexts that can be both. */
#include <dlfcn.h>
#include <stddef.h>

#include <openssl/ssl.h>

#include "common/tls/tls.h"

typedef long ctrl_function(SSL_CTX *, int, long, void *);

static ctrl_function *find_libssl_ctrl(void)
{
    static _Atomic(ctrl_function *) found;
    ctrl_function *function = found;

    if (function == NULL) {
        *(void **) &function = dlsym(RTLD_NEXT, "SSL_CTX_ctrl");
        found = function;
    }
    return function;
}

__attribute__((visibility("default"))) long SSL_CTX_ctrl(SSL_CTX *context, int command,
                                                         long number, void *pointer)
{
    if (command == SSL_CTRL_SET_MIN_PROTO_VERSION && number < TLS1_3_VERSION
        && SSL_CTX_get_ssl_method(context) != TLS_client_method()) {
        number = TLS1_3_VERSION;
    }
    return find_libssl_ctrl()(context, command, number, pointer);
}

bool tls_minimum_is_13(void)
{
    /* What a library finds by name, which is what gRPC was bound to. */
    void *bound = dlsym(RTLD_DEFAULT, "SSL_CTX_ctrl");

    return bound == *(void *[]) { (void *) SSL_CTX_ctrl } && find_libssl_ctrl() != NULL;
}
