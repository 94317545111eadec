/* All families, in one explicit array. */
#include "rules/keywords/keywords.h"

const struct keyword_family *const keyword_families[] = {
    &meta_keywords, &content_keywords, &buffer_keywords, &pcre_keywords, &bytes_keywords,
    &number_keywords, &header_keywords, &flow_keywords, &bits_keywords, &filter_keywords,
    &transform_keywords, &file_keywords, &dataset_keywords, &app_keywords, &event_keywords,
    &frame_keywords, &dcerpc_keywords, &later_keywords, NULL,
};

int word_index(struct slice word, const char *const *texts)
{
    for (int i = 0; texts[i] != NULL; i++) {
        if (slice_is_nocase(word, texts[i])) {
            return i;
        }
    }
    return -1;
}
