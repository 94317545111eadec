/* How a keyword of the rule language is written down: one row of a const table, and a
 * function that lowers its value into the draft of a rule.
 *
 * A family (a file of rules/keywords) is an array of rows; rules/keywords/table.c lists
 * the families.  A parse function gets the value without surrounding blanks and, as the
 * row's flags ask, without '!' and quotes; it changes the draft and returns true, or
 * reports with draft_error() and returns false.  All keywords of a rule are parsed even
 * when one was wrong, so that an author sees every mistake at once.
 *
 * Used at load by one thread. */
#ifndef CIVICSHIELD_RULES_KEYWORD_H
#define CIVICSHIELD_RULES_KEYWORD_H

#include "common/base/alloc.h"
#include "common/base/slice.h"
#include "rules/lang/plan.h"

struct draft;
struct set_builder;

enum keyword_flag {
    KEYWORD_VALUE = 1,          /* Must have a value, ... */
    KEYWORD_BARE = 2,           /* ... must not; neither: may. */
    KEYWORD_NEGATES = 4,        /* A leading '!' is taken off and told by draft->negated. */
    KEYWORD_QUOTES = 8,         /* Quotes around the value are taken off, if any, ... */
    KEYWORD_MUST_QUOTE = 16,    /* ... and must be there. */
    KEYWORD_PACKET = 32,        /* The rule looks at single packets. */
    KEYWORD_ONCE = 64,          /* At most once in a rule. */
    KEYWORD_LATER = 128,        /* Known and not supported yet. */
};

struct keyword {
    const char *name;
    unsigned flags;             /* enum keyword_flag. */
    bool (*parse)(struct draft *, const struct keyword *, struct slice value);
    unsigned argument;          /* What tells rows of one function apart. */
    const char *help;           /* One sentence without a full stop; why, of KEYWORD_LATER. */
    const char *limits;         /* What of it does not hold here, likewise; or NULL. */
};

struct keyword_family {
    const struct keyword *rows;
    size_t n;
};
/* Ends with NULL.  Defined in rules/keywords/table.c. */
extern const struct keyword_family *const keyword_families[];

/* ---- The draft of a rule ---- */

/* A buffer while its rule is being read: the arrays still grow. */
struct draft_buffer {
    enum buffer_id id;
    struct slice argument;
    size_t n_ops, cap_ops, n_transforms, cap_transforms;
    struct rule_op *ops;                        /* Owned. */
    struct rule_transform *transforms;          /* Owned. */
    const uint8_t *named_at;    /* Where in the line; NULL: never named (payload). */
    uint8_t absent;             /* enum buffer_absent. */
    uint8_t dirs;               /* BUFFER_TS, BUFFER_TC: as the rule said; 0: it did not. */
    enum frame_id frame;        /* Of BUFFER_FRAME. */
};

struct draft_var {
    struct slice name;
    size_t buffer;              /* A variable is of the buffer it was read from. */
};

struct draft {
    struct set_builder *set;
    struct rule *rule;          /* Scalars are filled in here right away. */
    struct slice line;          /* What 'at' pointers point into. */
    struct slice key;           /* Of the keyword being parsed. */
    struct slice value;
    bool negated;

    size_t n_tests, cap_tests, n_dos, cap_dos, n_filters, cap_filters;
    struct rule_test *tests;
    struct rule_do *dos;
    struct rule_filter *filters;
    size_t n_buffers, cap_buffers;
    struct draft_buffer *buffers;

    int sticky;                 /* Buffer that operations go to; -1: payload. */
    int content_buffer, content_op;     /* Of the last content; -1: none. */
    int last_buffer;            /* Of the last operation; -1: none. */
    size_t n_vars;
    struct draft_var vars[RULE_MAX_VARS];

    size_t n_seen, cap_seen;
    const struct keyword **seen;        /* KEYWORD_ONCE rows met. */
    const char *packet_keyword; /* The first that asks for single packets, or NULL. */
    const char *app_keyword;    /* The first that asks for a protocol, or NULL. */
    bool needs_stream;          /* flow:only_stream, tcp-stream. */
    bool sees_packets_too;      /* stream_size: stream and packet. */
    bool is_hook_to_client;     /* Of a hook: which direction it is about. */
    bool has_priority, has_fast;
    bool is_lost;               /* An unknown keyword may have been a sticky buffer: what
                                 * follows is not to blame for its absence. */
    unsigned n_errors;
};

/* Report about the keyword being parsed; draft_error() returns false for 'return'.
 * 'at' points into the line (into a value), or is NULL: then the key is meant. */
bool draft_error(struct draft *, const char *hint, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool draft_error_at(struct draft *, const uint8_t *at, const char *hint,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
void draft_warn(struct draft *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Memory that lives as long as the rule set; never NULL. */
void *draft_alloc(struct draft *, size_t size);
const char *draft_text(struct draft *, struct slice);
/* Index of an interned name. */
enum draft_names { NAMES_FLOWBITS, NAMES_FLOWINTS, NAMES_XBITS, NAMES_HOSTBITS, NAMES_VARS,
                   NAMES_EVENTS, NAMES_CATEGORIES, N_NAMES };
uint32_t draft_name(struct draft *, enum draft_names, struct slice);

/* Each adds a zeroed element and returns it, valid until the next of its kind is added. */
struct rule_test *draft_add_test(struct draft *, enum rule_test_kind);
struct rule_do *draft_add_do(struct draft *, enum rule_do_kind);
struct rule_filter *draft_add_filter(struct draft *, enum filter_kind);
struct rule_op *draft_add_op(struct draft *, enum rule_op_kind);
struct rule_op *draft_add_op_to(struct draft *, size_t buffer, enum rule_op_kind);

/* The buffer that operations go to now; made when it is the payload's first use. */
struct draft_buffer *draft_buffer(struct draft *);
/* Where a relative operation goes: without a sticky buffer to the buffer of the operation in
 * front of it, which an older modifier may have moved ("content:...; http_uri;"). */
size_t draft_relative_buffer(struct draft *, bool relative);
/* Turns to a sticky buffer.  False after reporting, as where protocols conflict. */
bool draft_set_sticky(struct draft *, enum buffer_id, struct slice argument);
/* The sticky buffer once more, without transforms: turns to it. */
struct draft_buffer *draft_add_form(struct draft *);
/* The buffer of 'id', made when there is none: for older modifiers behind a content. */
size_t draft_find_buffer(struct draft *, enum buffer_id);
/* The content that a modifier means; NULL after reporting that there is none. */
struct rule_op *draft_last_content(struct draft *);
/* Moves the last content behind the operations of the buffer 'id'. */
bool draft_move_content(struct draft *, enum buffer_id);
/* Does the rule's protocol fit 'proto'?  Narrows it; false after reporting a conflict. */
bool draft_need_app(struct draft *, enum app_proto);

/* Makes a variable of byte_extract or byte_math; false after reporting. */
bool draft_add_var(struct draft *, size_t buffer, struct slice name, uint8_t *index);
/* A constant from 'min' to 'max', or the name of a variable of the current buffer. */
bool draft_number(struct draft *, struct slice text, int64_t min, int64_t max,
                  struct rule_number *);

/* ---- What a load knows beside the rule ---- */

/* The class's text and priority; false when there is no such class. */
bool draft_find_class(const struct draft *, struct slice name, const char **text,
                      int *priority);
/* The prefix of a reference type, or NULL: unknown. */
const char *draft_reference_prefix(const struct draft *, struct slice name);
/* A text that lives as long as the set; equal texts share one. */
const char *draft_share(struct draft *, struct slice text);

/* Letters of a pcre's flags that are the expression's own. */
enum regex_flag { REGEX_NOCASE = 1, REGEX_DOTALL = 2, REGEX_MULTILINE = 4,
                  REGEX_EXTENDED = 8, REGEX_ANCHORED = 16, REGEX_DOLLAR_END = 32,
                  REGEX_UNGREEDY = 64 };
/* Compiles 'pattern' (with JIT) into out->pattern, options, code; 'n_groups' may be NULL.
 * False after reporting. */
bool draft_compile_regex(struct draft *, struct slice pattern, unsigned flags,
                         struct op_pcre *out, uint32_t *n_groups);
/* Calls 'each' for every named group of a compiled expression. */
void draft_regex_names(const struct op_pcre *, void (*each)(const char *name,
                       unsigned group, void *aux), void *aux);

/* The dataset of this name and its index; NULL when there is none yet. */
struct rule_dataset *draft_find_dataset(struct draft *, struct slice name, uint32_t *index);
struct rule_dataset *draft_add_dataset(struct draft *, struct slice name, uint32_t *index);
/* A path that a rule names: relative ones are below the rule file's folder.  NULL after
 * reporting, as for absolute ones or ".." where the configuration forbids them. */
const char *draft_path(struct draft *, struct slice written);
bool draft_may_write(const struct draft *);

/* ---- Reading values ---- */

struct slice slice_trim(struct slice);
/* Takes the part before the next 'separator' off '*rest', trimmed; false: none left.  The
 * last part is what remains, so "a,b" has two and "" none. */
bool slice_next(struct slice *rest, char separator, struct slice *part);
/* Part up to the first blank; '*rest' is what follows, trimmed. */
struct slice slice_word(struct slice *rest);
/* Decimal, or hexadecimal behind 0x; no sign. */
bool number_parse(struct slice, uint64_t max, uint64_t *);
bool number_parse_signed(struct slice, int64_t min, int64_t max, int64_t *);
/* "12", "!12", "<12", ">=12", "3-7", "3<>7", "!3-7", "&0xc0=0x80", with "kb", "mb", "gb"
 * behind a number where 'units'. */
struct number_test { enum number_cmp cmp; uint64_t a, b; };
bool number_parse_test(struct slice, uint64_t max, bool units, struct number_test *);

#endif
