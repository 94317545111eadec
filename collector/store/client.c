#include "collector/store/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/list.h"

#define CONNECT_TIMEOUT_MS 5000L
/* No answer that we ask for comes near this. */
#define MAX_ANSWER (64u << 20)
#define MAX_SECRET 4096

struct transfer {
    struct list_node node;
    struct client *client;
    CURL *easy;
    struct curl_slist *headers;
    struct strbuf answer;
    char error[CURL_ERROR_SIZE];
    struct client_request request;
};

struct client {
    const struct store_conf *conf;
    CURLM *multi;
    char *password;             /* Owned; NULL: none. */
    char *authorization;        /* Owned header line with the API key; NULL: none. */
    struct list_node transfers;
};

/* ---- Secrets ---- */

/* The first line of a file, or an environment variable; NULL: neither. */
static bool read_secret(const char *path, const char *variable, char **secret,
                        struct diag *diag)
{
    char line[MAX_SECRET] = "";
    FILE *file;

    *secret = NULL;
    if (path == NULL || path[0] == '\0') {
        const char *value = getenv(variable);

        *secret = value != NULL && value[0] != '\0' ? xstrdup(value) : NULL;
        return true;
    }
    file = fopen(path, "re");
    if (file == NULL) {
        diag_add(diag, DIAG_ERROR, path, 0, 0, NULL, "cannot be opened: %s", strerror(errno));
        return false;
    }
    if (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
    }
    fclose(file);
    if (line[0] == '\0') {
        diag_add(diag, DIAG_ERROR, path, 1, 1, NULL, "expected a secret in the first line");
        return false;
    }
    *secret = xstrdup(line);
    explicit_bzero(line, sizeof line);
    return true;
}

static void forget(char *secret)
{
    if (secret != NULL) {
        explicit_bzero(secret, strlen(secret));
        free(secret);
    }
}

static bool read_secrets(struct client *client, struct diag *diag)
{
    const struct store_conf *conf = client->conf;
    char *api_key;
    bool good = read_secret(conf->api_key_file, "CIVICSHIELD_ELASTICSEARCH_API_KEY", &api_key,
                            diag);

    good &= read_secret(conf->password_file, "CIVICSHIELD_ELASTICSEARCH_PASSWORD",
                        &client->password, diag);
    if (api_key != NULL) {
        client->authorization = xasprintf("Authorization: ApiKey %s", api_key);
        forget(api_key);
    }
    return good;
}

/* ---- Life ---- */

struct client *client_create(const struct store_conf *conf, struct diag *diag)
{
    struct client *client = xcalloc(1, sizeof *client);

    curl_global_init(CURL_GLOBAL_DEFAULT);
    client->conf = conf;
    list_init(&client->transfers);
    client->multi = curl_multi_init();
    if (!read_secrets(client, diag)) {
        client_destroy(client);
        return NULL;
    }
    return client;
}

static void free_transfer(struct transfer *transfer)
{
    list_remove(&transfer->node);
    curl_multi_remove_handle(transfer->client->multi, transfer->easy);
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    strbuf_fini(&transfer->answer);
    free(transfer);
}

void client_destroy(struct client *client)
{
    if (client == NULL) {
        return;
    }
    LIST_FOR_EACH_SAFE(node, following, &client->transfers) {
        free_transfer(LIST_ENTRY(node, struct transfer, node));
    }
    curl_multi_cleanup(client->multi);
    forget(client->password);
    forget(client->authorization);
    free(client);
    curl_global_cleanup();
}

/* ---- Requests ---- */

static size_t take_bytes(char *bytes, size_t size, size_t n, void *state)
{
    struct transfer *transfer = state;

    if (size * n > MAX_ANSWER - transfer->answer.size) {
        return 0;                       /* libcurl ends the transfer with an error. */
    }
    strbuf_put(&transfer->answer, bytes, size * n);
    return size * n;
}

static void set_access(struct transfer *transfer)
{
    const struct client *client = transfer->client;
    CURL *easy = transfer->easy;

    if (client->authorization != NULL) {
        transfer->headers = curl_slist_append(transfer->headers, client->authorization);
    } else if (client->conf->user != NULL && client->conf->user[0] != '\0') {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long) CURLAUTH_BASIC);
        curl_easy_setopt(easy, CURLOPT_USERNAME, client->conf->user);
        curl_easy_setopt(easy, CURLOPT_PASSWORD,
                         client->password != NULL ? client->password : "");
    }
    if (client->conf->ca != NULL && client->conf->ca[0] != '\0') {
        curl_easy_setopt(easy, CURLOPT_CAINFO, client->conf->ca);
    }
    curl_easy_setopt(easy, CURLOPT_PROXY,
                     client->conf->proxy != NULL ? client->conf->proxy : "");
}

static void set_body(struct transfer *transfer)
{
    const struct client_request *request = &transfer->request;
    CURL *easy = transfer->easy;
    char *type;

    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    if (request->body.size == 0) {
        return;
    }
    type = xasprintf("Content-Type: %s", request->content_type != NULL
                                             ? request->content_type : "application/json");
    transfer->headers = curl_slist_append(transfer->headers, type);
    /* Without this libcurl would wait for a "100 Continue" first. */
    transfer->headers = curl_slist_append(transfer->headers, "Expect:");
    free(type);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.bytes);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) request->body.size);
}

void client_start(struct client *client, const struct client_request *request)
{
    struct transfer *transfer = xcalloc(1, sizeof *transfer);
    CURL *easy = curl_easy_init();
    char *url;
    size_t len = strlen(client->conf->url);

    while (len != 0 && client->conf->url[len - 1] == '/') {
        len--;
    }
    url = xasprintf("%.*s/%s", (int) len, client->conf->url, request->path);
    transfer->client = client;
    transfer->easy = easy;
    transfer->request = *request;
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long) (client->conf->timeout_ns / NS_PER_MS));
    set_body(transfer);
    set_access(transfer);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
    list_push_back(&client->transfers, &transfer->node);
    curl_multi_add_handle(client->multi, easy);
    free(url);
}

static void finish(struct transfer *transfer, CURLcode code)
{
    const char *error = "";
    long status = 0;

    if (code == CURLE_OK) {
        curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    } else {
        error = transfer->error[0] != '\0' ? transfer->error : curl_easy_strerror(code);
    }
    transfer->request.done(transfer->request.state, status,
                           strbuf_slice(&transfer->answer), error);
    free_transfer(transfer);
}

void client_run(struct client *client, int timeout_ms)
{
    CURLMsg *message;
    int n;

    curl_multi_perform(client->multi, &n);
    while ((message = curl_multi_info_read(client->multi, &n)) != NULL) {
        if (message->msg == CURLMSG_DONE) {
            CURLcode code = message->data.result;
            struct transfer *transfer;

            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
            finish(transfer, code);
            timeout_ms = 0;             /* What 'done' began may go on at once. */
        }
    }
    curl_multi_poll(client->multi, NULL, 0, timeout_ms, NULL);
}

void client_wake(struct client *client)
{
    curl_multi_wakeup(client->multi);
}
