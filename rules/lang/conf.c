/* What a load depends on, with its defaults. */
#include <stdlib.h>

#include "common/base/alloc.h"
#include "rules/lang/lang.h"

static const char *const default_addresses[][2] = {
    { "HOME_NET", "[192.168.0.0/16,10.0.0.0/8,172.16.0.0/12]" },
    { "EXTERNAL_NET", "any" },
    { "HTTP_SERVERS", "$HOME_NET" }, { "SMTP_SERVERS", "$HOME_NET" },
    { "SQL_SERVERS", "$HOME_NET" }, { "DNS_SERVERS", "$HOME_NET" },
    { "TELNET_SERVERS", "$HOME_NET" }, { "AIM_SERVERS", "$EXTERNAL_NET" },
    { "DC_SERVERS", "$HOME_NET" }, { "DNP3_SERVER", "$HOME_NET" },
    { "DNP3_CLIENT", "$HOME_NET" }, { "MODBUS_CLIENT", "$HOME_NET" },
    { "MODBUS_SERVER", "$HOME_NET" }, { "ENIP_CLIENT", "$HOME_NET" },
    { "ENIP_SERVER", "$HOME_NET" },
};
static const char *const default_ports[][2] = {
    { "HTTP_PORTS", "80" }, { "SHELLCODE_PORTS", "!80" }, { "ORACLE_PORTS", "1521" },
    { "SSH_PORTS", "22" }, { "DNP3_PORTS", "20000" }, { "MODBUS_PORTS", "502" },
    { "FILE_DATA_PORTS", "[$HTTP_PORTS,110,143]" }, { "FTP_PORTS", "21" },
    { "GENEVE_PORTS", "6081" }, { "VXLAN_PORTS", "4789" }, { "TEREDO_PORTS", "3544" },
};

static void set_var(struct rules_vars *vars, const char *name, const char *value)
{
    for (size_t i = 0; i < vars->n; i++) {
        if (strcmp(vars->vars[i].name, name) == 0) {
            free(vars->vars[i].value);
            vars->vars[i].value = xstrdup(value);
            return;
        }
    }
    vars->vars = xgrow(vars->vars, vars->n, &vars->cap, sizeof *vars->vars);
    vars->vars[vars->n++] = (struct rules_var) { xstrdup(name), xstrdup(value) };
}

static void free_vars(struct rules_vars *vars)
{
    for (size_t i = 0; i < vars->n; i++) {
        free(vars->vars[i].name);
        free(vars->vars[i].value);
    }
    free(vars->vars);
}

void rules_conf_init(struct rules_conf *c)
{
    *c = (struct rules_conf) { .allow_dataset_write = false };
    for (size_t i = 0; i < sizeof default_addresses / sizeof *default_addresses; i++) {
        set_var(&c->addresses, default_addresses[i][0], default_addresses[i][1]);
    }
    for (size_t i = 0; i < sizeof default_ports / sizeof *default_ports; i++) {
        set_var(&c->ports, default_ports[i][0], default_ports[i][1]);
    }
}

void rules_conf_fini(struct rules_conf *c)
{
    free_vars(&c->addresses);
    free_vars(&c->ports);
    free(c->classification);
    free(c->reference);
    free(c->threshold);
    *c = (struct rules_conf) { 0 };
}

void rules_conf_set_address(struct rules_conf *c, const char *name, const char *value)
{
    set_var(&c->addresses, name, value);
}

void rules_conf_set_port(struct rules_conf *c, const char *name, const char *value)
{
    set_var(&c->ports, name, value);
}
