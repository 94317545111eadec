/* A body or attachment followed as a file, for the parsers.  Its first bytes are kept for
 * rules up to a limit; all of it is counted and, when the configuration wants, hashed. */
#ifndef CIVICSHIELD_APP_FILE_H
#define CIVICSHIELD_APP_FILE_H

#include "sensor/app/parser.h"

/* A new file at the end of the transaction's list, or NULL when memory is short.  'name'
 * is copied.  At most 'limit' bytes are kept (0: all that memory allows). */
struct app_file *app_file_open(struct app_tx *, enum direction, struct slice name,
                               uint64_t limit);
void app_file_append(struct app_tx *, struct app_file *, const uint8_t *bytes, size_t size);
/* 'size' bytes are missing here. */
void app_file_gap(struct app_tx *, struct app_file *, uint64_t size);
/* No more comes; a second call changes nothing. */
void app_file_close(struct app_tx *, struct app_file *, enum app_file_state);
/* The session ends before the file: TRUNCATED, and without a digest. */
void app_file_abandon(struct app_tx *, struct app_file *);
/* A rule wants it: all of it, from its first byte, goes to the sink (if there is one), its
 * stream is followed as far as file-store says.  Too late once it is logged, or when its
 * first bytes are no longer held: that is counted. */
void app_file_store(struct app_tx *, struct app_file *);
/* The same of what is open in a transaction, or in the flow, and of what is to come. */
void app_tx_store_files(struct app_tx *, enum direction);
void app_session_store_files(struct app_session *, enum direction);
/* Before it is logged: stores one that is over already, where its transaction (not the flow)
 * was wanted meanwhile. */
void app_file_settle(struct app_tx *, struct app_file *);
/* Notes that the rule 'sid' wants it, for events. */
void app_file_note_sid(struct app_file *, uint32_t sid);
/* Is a file of this direction being stored, so that it is wanted whole, whatever limits
 * inspection has? */
bool app_tx_is_storing(struct app_tx *, enum direction);
/* Its kept bytes as a view. */
struct app_view app_file_view(const struct app_file *);
/* File 'index' of a direction; NULL past the last. */
struct app_file *app_file_at(const struct app_tx *, enum direction, unsigned index);
/* FILE_DATA, FILE_NAME, FILE_MAGIC for a parser's buffer(). */
struct app_view app_file_buffer(const struct app_tx *, enum direction, enum buffer_id,
                                unsigned index);
/* FIELD_FILESIZE for a parser's number(). */
bool app_file_number(const struct app_tx *, enum direction, unsigned index, uint64_t *value);
/* Frees what the arena does not hold; of the engine. */
void app_file_free(struct app_tx *, struct app_file *);

#endif
