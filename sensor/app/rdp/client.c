/* TS_UD_CS_CORE (MS-RDPBCGR, section 2.2.1.3.2): fixed fields, then optional ones, each of
 * which needs the one before it and a value that it may have. */
#include "sensor/app/rdp/rdp_private.h"

#define NAME_SIZE 32u
#define IME_SIZE 64u
#define PRODUCT_SIZE 64u

/* UTF-16 up to a NUL as UTF-8; false for half of a surrogate pair. */
static bool read_utf16(struct slice bytes, struct arena *arena, struct slice *text)
{
    uint8_t *out = arena_alloc(arena, bytes.size / 2 * 3 + 1);
    struct cursor c = cursor_of(bytes.bytes, bytes.size);
    size_t at = 0;

    if (out == NULL) {
        return false;
    }
    while (cursor_left(&c) >= 2) {
        uint32_t unit = cursor_le16(&c);
        if (unit == 0) {
            break;
        }
        if (unit >= 0xd800 && unit < 0xe000) {
            uint32_t low = cursor_le16(&c);
            if (c.bad || unit >= 0xdc00 || low < 0xdc00 || low >= 0xe000) {
                return false;
            }
            unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            out[at++] = (uint8_t) (0xf0 | unit >> 18);
            out[at++] = (uint8_t) (0x80 | (unit >> 12 & 0x3f));
            out[at++] = (uint8_t) (0x80 | (unit >> 6 & 0x3f));
            out[at++] = (uint8_t) (0x80 | (unit & 0x3f));
        } else if (unit >= 0x800) {
            out[at++] = (uint8_t) (0xe0 | unit >> 12);
            out[at++] = (uint8_t) (0x80 | (unit >> 6 & 0x3f));
            out[at++] = (uint8_t) (0x80 | (unit & 0x3f));
        } else if (unit >= 0x80) {
            out[at++] = (uint8_t) (0xc0 | unit >> 6);
            out[at++] = (uint8_t) (0x80 | (unit & 0x3f));
        } else {
            out[at++] = (uint8_t) unit;
        }
    }
    *text = at != 0 ? slice_of(out, at) : slice_of(NULL, 0);
    return true;
}

static const char *version_name(uint32_t version)
{
    static const struct { uint32_t version; const char *name; } names[] = {
        { 0x80001, "v4" }, { 0x80004, "v5" }, { 0x80005, "v10.0" }, { 0x80006, "v10.1" },
        { 0x80007, "v10.2" }, { 0x80008, "v10.3" }, { 0x80009, "v10.4" },
        { 0x8000a, "v10.5" }, { 0x8000b, "v10.6" }, { 0x8000c, "v10.7" },
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].version == version) {
            return names[i].name;
        }
    }
    return "unknown";
}

static const char *build_name(uint32_t build)
{
    static const struct { uint32_t build; const char *name; } names[] = {
        { 528, "Windows NT 3.1" }, { 807, "Windows NT 3.5" }, { 1057, "Windows NT 3.51" },
        { 1381, "Windows NT 4.0" }, { 2195, "Windows 2000" }, { 2600, "Windows XP" },
        { 3790, "Windows Server 2003" }, { 6000, "Windows Vista RTM" },
        { 6001, "Windows Vista SP1" }, { 6002, "Windows Vista SP2" },
        { 7600, "Windows 7 RTM" }, { 7601, "Windows 7 SP1" }, { 9200, "Windows 8" },
        { 9600, "Windows 8.1" }, { 10240, "Windows 10 TH1" }, { 10586, "Windows 10 TH2" },
        { 14393, "Windows 10 RS1" }, { 15063, "Windows 10 RS2" }, { 16299, "Windows 10 RS3" },
        { 17134, "Windows 10 RS4" }, { 17763, "Windows 10 RS5" },
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].build == build) {
            return names[i].name;
        }
    }
    return "unknown";
}

/* Bits a pixel of RNS_UD_COLOR_*; 0: it is none of them, or not provided. */
static unsigned depth_of(uint16_t value)
{
    static const uint8_t depths[] = { 4, 8, 15, 16, 24 };

    return value >= 0xca00 && value <= 0xca04 ? depths[value - 0xca00] : 0;
}

static void set_depth(struct event_rdp_client *out, unsigned depth)
{
    if (depth != 0) {
        out->has_color_depth = true;
        out->color_depth = depth;
    }
}

static void set_capabilities(struct event_rdp_client *out, uint16_t flags,
                             struct arena *arena)
{
    static const char *const names[] = {
        "support_errinfo_pdf", "want_32bpp_session", "support_statusinfo_pdu",
        "strong_asymmetric_keys", NULL, "valid_connection_type", "support_monitor_layout_pdu",
        "support_netchar_autodetect", "support_dynvc_gfx_protocol",
        "support_dynamic_time_zone", "support_heartbeat_pdu",
    };
    struct slice *list = arena_alloc(arena, sizeof names / sizeof *names * sizeof *list);

    for (size_t i = 0; list != NULL && i < sizeof names / sizeof *names; i++) {
        if ((flags >> i & 1) != 0 && names[i] != NULL) {
            list[out->n_capabilities++] = slice_text(names[i]);
        }
    }
    out->capabilities = list;
}

/* What the display is like; each field ends the chain when it may not be so. */
static void read_display(struct cursor *c, struct event_rdp_client *out)
{
    uint32_t width = cursor_le32(c);
    if (c->bad || width < 10 || width > 10000) {
        return;
    }
    out->has_physical_width = true;
    out->physical_width = width;
    uint32_t height = cursor_le32(c);
    if (c->bad || height < 10 || height > 10000) {
        return;
    }
    out->has_physical_height = true;
    out->physical_height = height;
    uint16_t orientation = cursor_le16(c);
    if (c->bad || orientation > 270 || orientation % 90 != 0) {
        return;
    }
    out->has_desktop_orientation = true;
    out->desktop_orientation = orientation;
    uint32_t scale = cursor_le32(c);
    if (c->bad || scale < 100 || scale > 500) {
        return;
    }
    out->has_scale_factor = true;
    out->scale_factor = scale;
    uint32_t device = cursor_le32(c);
    if (!c->bad && (device == 100 || device == 140 || device == 180)) {
        out->has_device_scale_factor = true;
        out->device_scale_factor = device;
    }
}

/* From the product's id on. */
static void read_product(struct cursor *c, struct arena *arena, struct event_rdp_client *out)
{
    static const char *const hints[] = { NULL, "modem", "low_broadband", "satellite",
                                         "high_broadband", "wan", "lan", "autodetect" };
    struct slice product = cursor_slice(c, PRODUCT_SIZE);

    if (c->bad || !read_utf16(product, arena, &out->id)) {
        return;
    }
    uint8_t hint = cursor_u8(c);
    if (c->bad || hint >= sizeof hints / sizeof *hints) {
        return;
    }
    out->connection_hint = slice_text(hints[hint]);
    (void) cursor_u8(c);                /* Padding. */
    uint32_t protocol = cursor_le32(c);
    if (!c->bad && protocol <= 0x0f) {
        read_display(c, out);
    }
}

static void read_optional(struct cursor *c, struct arena *arena, struct event_rdp_client *out)
{
    uint16_t beta_depth = cursor_le16(c);
    if (c->bad || (beta_depth != 0 && depth_of(beta_depth) == 0)) {
        return;
    }
    set_depth(out, depth_of(beta_depth));
    uint16_t product = cursor_le16(c);
    if (c->bad) {
        return;
    }
    out->has_product_id = true;
    out->product_id = product;
    uint32_t serial = cursor_le32(c);
    if (c->bad) {
        return;
    }
    out->has_serial_number = serial != 0;
    out->serial_number = serial;
    uint16_t high = cursor_le16(c);
    if (c->bad || (high != 0 && high != 4 && high != 8 && high != 15 && high != 16
                   && high != 24)) {
        return;
    }
    set_depth(out, high);
    uint16_t supported = cursor_le16(c);
    if (c->bad || supported > 0x0f) {
        return;
    }
    uint16_t flags = cursor_le16(c);
    if (c->bad || flags > 0x7ff) {
        return;
    }
    set_capabilities(out, flags, arena);
    read_product(c, arena, out);
}

bool rdp_client_read(struct slice data, struct arena *arena, struct event_rdp_client *out)
{
    static const char *const keyboards[] = { NULL, "xt", "ico", "at", "enhanced", "1050",
                                             "9140", "jp" };
    struct cursor c = cursor_of(data.bytes, data.size);

    memset(out, 0, sizeof *out);
    out->version = slice_text(version_name(cursor_le32(&c)));
    out->desktop_width = cursor_le16(&c);
    out->desktop_height = cursor_le16(&c);
    uint16_t depth = cursor_le16(&c);
    set_depth(out, depth <= 0xca01 ? depth_of(depth) : 0);
    (void) cursor_le16(&c);             /* Secure access sequence. */
    const char *layout = rdp_locale_name(cursor_le32(&c));
    out->keyboard_layout = slice_text(layout != NULL ? layout : "unknown");
    out->build = slice_text(build_name(cursor_le32(&c)));
    struct slice name = cursor_slice(&c, NAME_SIZE);
    uint32_t keyboard = cursor_le32(&c), subtype = cursor_le32(&c), keys = cursor_le32(&c);
    struct slice ime = cursor_slice(&c, IME_SIZE);
    if (c.bad || !read_utf16(name, arena, &out->client_name)
        || !read_utf16(ime, arena, &out->ime)) {
        return false;
    }
    out->keyboard_type = slice_text(keyboard < sizeof keyboards / sizeof *keyboards
                                        ? keyboards[keyboard] : NULL);
    out->has_keyboard_subtype = subtype != 0;
    out->keyboard_subtype = subtype;
    out->has_function_keys = keys != 0;
    out->function_keys = keys;
    read_optional(&c, arena, out);
    return true;
}
