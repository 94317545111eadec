#include "sensor/app/smb/names.h"

struct named {
    uint32_t number;
    const char *name;
};

static struct slice find_name(const struct named *rows, size_t n, uint32_t number,
                              struct arena *arena)
{
    for (size_t i = 0; i < n; i++) {
        if (rows[i].number == number) {
            return slice_text(rows[i].name);
        }
    }
    return slice_text(arena_printf(arena, "%u", number));
}
#define FIND(rows, number, arena) \
    find_name(rows, sizeof(rows) / sizeof *(rows), number, arena)

struct slice smb1_command_name(uint8_t command, struct arena *arena)
{
#define C(number, name) { number, "SMB1_COMMAND_" name }
    static const struct named rows[] = {
        C(0x00, "CREATE_DIRECTORY"), C(0x01, "DELETE_DIRECTORY"), C(0x02, "OPEN"),
        C(0x03, "CREATE"), C(0x04, "CLOSE"), C(0x05, "FLUSH"), C(0x06, "DELETE"),
        C(0x07, "RENAME"), C(0x08, "QUERY_INFORMATION"), C(0x09, "SET_INFORMATION"),
        C(0x0a, "READ"), C(0x0b, "WRITE"), C(0x0c, "LOCK_BYTE_RANGE"),
        C(0x0d, "UNLOCK_BYTE_RANGE"), C(0x0e, "CREATE_TEMPORARY"), C(0x0f, "CREATE_NEW"),
        C(0x10, "CHECK_DIRECTORY"), C(0x11, "PROCESS_EXIT"), C(0x12, "SEEK"),
        C(0x13, "LOCK_AND_READ"), C(0x14, "WRITE_AND_UNLOCK"), C(0x24, "LOCKING_ANDX"),
        C(0x25, "TRANS"), C(0x2b, "ECHO"), C(0x2c, "WRITE_AND_CLOSE"),
        C(0x2d, "OPEN_ANDX"), C(0x2e, "READ_ANDX"), C(0x2f, "WRITE_ANDX"),
        C(0x32, "TRANS2"), C(0x33, "TRANS2_SECONDARY"), C(0x34, "FIND_CLOSE2"),
        C(0x71, "TREE_DISCONNECT"), C(0x72, "NEGOTIATE_PROTOCOL"),
        C(0x73, "SESSION_SETUP_ANDX"), C(0x74, "LOGOFF_ANDX"), C(0x75, "TREE_CONNECT_ANDX"),
        C(0x80, "QUERY_INFO_DISK"), C(0xa0, "NT_TRANS"), C(0xa1, "NT_TRANS_SECONDARY"),
        C(0xa2, "NT_CREATE_ANDX"), C(0xa4, "NT_CANCEL"),
    };
#undef C

    return FIND(rows, command, arena);
}

struct slice smb2_command_name(uint16_t command, struct arena *arena)
{
#define C(number, name) { number, "SMB2_COMMAND_" name }
    static const struct named rows[] = {
        C(0, "NEGOTIATE_PROTOCOL"), C(1, "SESSION_SETUP"), C(2, "SESSION_LOGOFF"),
        C(3, "TREE_CONNECT"), C(4, "TREE_DISCONNECT"), C(5, "CREATE"), C(6, "CLOSE"),
        C(7, "FLUSH"), C(8, "READ"), C(9, "WRITE"), C(10, "LOCK"), C(11, "IOCTL"),
        C(12, "CANCEL"), C(13, "KEEPALIVE"), C(14, "FIND"), C(15, "CHANGE_NOTIFY"),
        C(16, "GET_INFO"), C(17, "SET_INFO"), C(18, "OPLOCK_BREAK"),
    };
#undef C

    return FIND(rows, command, arena);
}

struct slice smb2_dialect_name(uint16_t dialect, struct arena *arena)
{
    static const struct named rows[] = {
        { 0x0202, "2.02" }, { 0x0210, "2.10" }, { 0x0222, "2.22" }, { 0x0224, "2.24" },
        { 0x02ff, "2.??" }, { 0x0300, "3.00" }, { 0x0302, "3.02" }, { 0x0310, "3.10" },
        { 0x0311, "3.11" },
    };

    return FIND(rows, dialect, arena);
}

struct slice smb_error_name(uint8_t class, uint16_t code, struct arena *arena)
{
    static const struct named dos[] = {
        { 0, "DOS_SUCCESS" }, { 1, "DOS_BAD_FUNC" }, { 2, "DOS_BAD_FILE" },
        { 3, "DOS_BAD_PATH" }, { 4, "DOS_TOO_MANY_OPEN_FILES" }, { 5, "DOS_ACCESS_DENIED" },
    };
    static const struct named srv[] = {
        { 1, "SRV_ERROR" }, { 2, "SRV_BADPW" }, { 3, "SRV_BADTYPE" }, { 4, "SRV_ACCESS" },
        { 91, "SRV_BADUID" },
    };

    switch (class) {
    case 1:
        return FIND(dos, code, arena);
    case 2:
        return FIND(srv, code, arena);
    default:
        return slice_text(arena_printf(arena, "UNKNOWN_%02x_%04x", class, code));
    }
}

struct slice smb_function_name(uint32_t function, struct arena *arena)
{
#define F(number, name) { number, "FSCTL_" name }
    static const struct named rows[] = {
        F(0x00060194, "DFS_GET_REFERRALS"), F(0x000601b0, "DFS_GET_REFERRALS_EX"),
        F(0x00090000, "REQUEST_OPLOCK_LEVEL_1"), F(0x00090004, "REQUEST_OPLOCK_LEVEL_2"),
        F(0x00090008, "REQUEST_BATCH_OPLOCK"), F(0x0009000c, "OPLOCK_BREAK_ACKNOWLEDGE"),
        F(0x00090010, "OPBATCH_ACK_CLOSE_PENDING"), F(0x00090014, "OPLOCK_BREAK_NOTIFY"),
        F(0x00090018, "LOCK_VOLUME"), F(0x0009001c, "UNLOCK_VOLUME"),
        F(0x00090020, "DISMOUNT_VOLUME"), F(0x00090028, "IS_VOLUME_MOUNTED"),
        F(0x0009002c, "IS_PATHNAME_VALID"), F(0x00090030, "MARK_VOLUME_DIRTY"),
        F(0x0009003b, "QUERY_RETRIEVAL_POINTERS"), F(0x0009003c, "GET_COMPRESSION"),
        F(0x0009004f, "MARK_AS_SYSTEM_HIVE"), F(0x00090050, "OPLOCK_BREAK_ACK_NO_2"),
        F(0x00090054, "INVALIDATE_VOLUMES"), F(0x00090058, "QUERY_FAT_BPB"),
        F(0x0009005c, "REQUEST_FILTER_OPLOCK"), F(0x00090060, "FILESYSTEM_GET_STATISTICS"),
        F(0x00090064, "GET_NTFS_VOLUME_DATA"), F(0x00090068, "GET_NTFS_FILE_RECORD"),
        F(0x0009006f, "GET_VOLUME_BITMAP"), F(0x00090073, "GET_RETRIEVAL_POINTERS"),
        F(0x00090074, "MOVE_FILE"), F(0x00090078, "IS_VOLUME_DIRTY"),
        F(0x0009007c, "GET_HFS_INFORMATION"), F(0x00090083, "ALLOW_EXTENDED_DASD_IO"),
        F(0x00090087, "READ_PROPERTY_DATA"), F(0x0009008b, "WRITE_PROPERTY_DATA"),
        F(0x0009008f, "FIND_FILES_BY_SID"), F(0x00090097, "DUMP_PROPERTY_DATA"),
        F(0x0009009c, "GET_OBJECT_ID"), F(0x000900a4, "SET_REPARSE_POINT"),
        F(0x000900a8, "GET_REPARSE_POINT"), F(0x000900c0, "CREATE_OR_GET_OBJECT_ID"),
        F(0x000900c4, "SET_SPARSE"), F(0x000900d4, "SET_ENCRYPTION"),
        F(0x000900db, "ENCRYPTION_FSCTL_IO"), F(0x000900df, "WRITE_RAW_ENCRYPTED"),
        F(0x000900e3, "READ_RAW_ENCRYPTED"), F(0x000900f0, "EXTEND_VOLUME"),
        F(0x00090244, "CSV_TUNNEL_REQUEST"), F(0x0009027c, "GET_INTEGRITY_INFORMATION"),
        F(0x00090284, "QUERY_FILE_REGIONS"), F(0x000902c8, "CSV_SYNC_TUNNEL_REQUEST"),
        F(0x00090300, "QUERY_SHARED_VIRTUAL_DISK_SUPPORT"),
        F(0x00090304, "SVHDX_SYNC_TUNNEL_REQUEST"),
        F(0x00090308, "SVHDX_SET_INITIATOR_INFORMATION"),
        F(0x0009030c, "SET_EXTERNAL_BACKING"), F(0x00090310, "GET_EXTERNAL_BACKING"),
        F(0x00090314, "DELETE_EXTERNAL_BACKING"), F(0x00090318, "ENUM_EXTERNAL_BACKING"),
        F(0x0009031f, "ENUM_OVERLAY"), F(0x00090350, "STORAGE_QOS_CONTROL"),
        F(0x00090364, "SVHDX_ASYNC_TUNNEL_REQUEST"), F(0x000940b3, "ENUM_USN_DATA"),
        F(0x000940b7, "SECURITY_ID_CHECK"), F(0x000940bb, "READ_USN_JOURNAL"),
        F(0x000940cf, "QUERY_ALLOCATED_RANGES"), F(0x000940e7, "CREATE_USN_JOURNAL"),
        F(0x000940eb, "READ_FILE_USN_DATA"), F(0x000940ef, "WRITE_USN_CLOSE_RECORD"),
        F(0x00094264, "OFFLOAD_READ"), F(0x00098098, "SET_OBJECT_ID"),
        F(0x000980a0, "DELETE_OBJECT_ID"), F(0x000980a4, "SET_REPARSE_POINT"),
        F(0x000980ac, "DELETE_REPARSE_POINT"), F(0x000980bc, "SET_OBJECT_ID_EXTENDED"),
        F(0x000980c8, "SET_ZERO_DATA"), F(0x000980d0, "ENABLE_UPGRADE"),
        F(0x00098208, "FILE_LEVEL_TRIM"), F(0x00098268, "OFFLOAD_WRITE"),
        F(0x0009c040, "SET_COMPRESSION"), F(0x0009c280, "SET_INTEGRITY_INFORMATION"),
        F(0x00110018, "PIPE_WAIT"), F(0x0011400c, "PIPE_PEEK"),
        F(0x0011c017, "PIPE_TRANSCEIVE"), F(0x00140078, "SRV_REQUEST_RESUME_KEY"),
        F(0x001401d4, "LMR_REQUEST_RESILIENCY"),
        F(0x001401fc, "QUERY_NETWORK_INTERFACE_INFO"),
        F(0x00140200, "VALIDATE_NEGOTIATE_INFO_224"),
        F(0x00140204, "VALIDATE_NEGOTIATE_INFO"), F(0x00144064, "SRV_ENUMERATE_SNAPSHOTS"),
        F(0x001440f2, "SRV_COPYCHUNK"), F(0x001441bb, "SRV_READ_HASH"),
        F(0x001480f2, "SRV_COPYCHUNK_WRITE"),
    };
#undef F

    return FIND(rows, function, arena);
}

struct slice smb_disposition_name(uint32_t disposition)
{
    static const char *const names[] = { "FILE_SUPERSEDE", "FILE_OPEN", "FILE_CREATE",
                                         "FILE_OPEN_IF", "FILE_OVERWRITE",
                                         "FILE_OVERWRITE_IF" };

    return slice_text(disposition < sizeof names / sizeof *names ? names[disposition]
                                                                 : "UNKNOWN");
}
