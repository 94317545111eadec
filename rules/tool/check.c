#include <stdio.h>

#include "common/base/strbuf.h"
#include "common/wire/json.h"
#include "rules/tool/tool.h"

/* What a message quotes of a rule file need not be UTF-8. */
static void put_json_text(FILE *out, const char *text)
{
    struct strbuf quoted = STRBUF_EMPTY;

    json_text(&quoted, slice_text(text));
    fwrite(quoted.text, 1, quoted.size, out);
    strbuf_fini(&quoted);
}

static void print_json(const struct ruleset *set, size_t n_left_out, const struct diag *diag)
{
    printf("{\"loaded\":%zu,\"refused\":%zu,\"skipped\":%zu,\"disabled\":%zu,"
           "\"duplicate\":%zu,\"errors\":%zu,\"warnings\":%zu,\"hash\":\"%016llx\","
           "\"messages\":[", set->n_loaded - n_left_out, set->n_refused + n_left_out,
           set->n_skipped, set->n_disabled, set->n_duplicate, diag->n_errors,
           diag->n_warnings, (unsigned long long) set->hash);
    for (size_t i = 0; i < diag->n; i++) {
        const struct diag_message *m = &diag->messages[i];
        printf("%s{\"level\":\"%s\",\"file\":", i > 0 ? "," : "",
               m->level == DIAG_ERROR ? "error" : "warning");
        put_json_text(stdout, m->file != NULL ? m->file : "");
        printf(",\"line\":%u,\"column\":%u,\"text\":", m->line, m->column);
        put_json_text(stdout, m->text);
        if (m->hint != NULL) {
            fputs(",\"hint\":", stdout);
            put_json_text(stdout, m->hint);
        }
        putchar('}');
    }
    puts("]}");
}

/* What the engine would leave out of a run, reported; how many rules that are. */
static size_t try_engine(const struct tool_options *options, const struct ruleset *set,
                         struct diag *diag)
{
    struct detect_engine *engine = detect_engine_create(set, &options->detect, diag);
    size_t n = engine != NULL ? detect_engine_n_refused(engine) : set->n_loaded;

    if (engine == NULL && diag->n_errors == 0) {
        diag_add(diag, DIAG_ERROR, NULL, 0, 0, NULL, "the rules could not be compiled");
    }
    detect_engine_destroy(engine);
    return n;
}

int tool_check(const struct tool_options *options)
{
    struct diag diag;

    diag_init(&diag);
    struct ruleset *set = ruleset_load(&options->conf, options->files, options->n_files, &diag);
    size_t n_left_out = try_engine(options, set, &diag);
    if (!options->no_lint) {
        lint_rules(set, &diag);
    }
    diag_sort(&diag);
    if (options->json) {
        print_json(set, n_left_out, &diag);
    } else {
        diag_print(&diag, stdout);
        printf("%zu loaded, %zu refused, %zu skipped, %zu disabled; %zu errors, "
               "%zu warnings\n", set->n_loaded - n_left_out, set->n_refused + n_left_out,
               set->n_skipped, set->n_disabled, diag.n_errors, diag.n_warnings);
    }
    int status = diag.n_errors > 0 || set->n_refused + n_left_out > 0 ? 2 : 0;
    ruleset_free(set);
    diag_fini(&diag);
    return status;
}

int tool_explain(const struct tool_options *options)
{
    struct diag diag;
    struct strbuf out = STRBUF_EMPTY;

    diag_init(&diag);
    struct ruleset *set = ruleset_load(&options->conf, options->files, options->n_files, &diag);
    for (size_t i = 0; i < set->n_rules; i++) {
        strbuf_printf(&out, "%s:%u\n", set->rules[i]->file, set->rules[i]->line);
        rule_dump(set, set->rules[i], &out);
        strbuf_putc(&out, '\n');
        fwrite(out.text, 1, out.size, stdout);
        strbuf_clear(&out);
    }
    strbuf_fini(&out);
    diag_print(&diag, stderr);
    int status = diag.n_errors > 0 ? 2 : 0;
    ruleset_free(set);
    diag_fini(&diag);
    return status;
}
