// SPDX-License-Identifier: Apache-2.0
// The command line's say in defences: spec-ctrl=, xpti=, pv-l1tf=, as the reference documents them.
//
// A value is a list with commas; later items win. An item is a truth value for everything, or
// NAME, no-NAME, NAME=BOOL; some also take NAME=pv, and what concerns other kinds of guests is
// accepted and means nothing here.
#include "abi/errno.h"
#include "base/param.h"
#include "base/speculation.h"
#include "lib/string.h"

#define LONGEST_ITEM 32

struct speculation_options speculation_options;

struct item {
    char name[LONGEST_ITEM];
    const char *value; /* in `name`, behind its end; NULL: there was no = */
    bool negated;
};

/* The next item of a list; *text becomes NULL behind the last. -EINVAL: none is as long. */
static int next_item(const char **text, struct item *item)
{
    const char *comma = strchr(*text, ',');
    size_t length = comma ? (size_t)(comma - *text) : strlen(*text);
    const char *from = *text;
    char *equals;

    item->negated = length > 3 && strncmp(from, "no-", 3) == 0;
    from += item->negated ? 3 : 0;
    length -= item->negated ? 3 : 0;
    if (length >= sizeof(item->name)) {
        return -EINVAL;
    }
    memcpy(item->name, from, length);
    item->name[length] = '\0';
    equals = strchr(item->name, '=');
    item->value = equals ? equals + 1 : NULL;
    if (equals) {
        *equals = '\0';
    }
    *text = comma ? comma + 1 : NULL;
    return 0;
}

/* What an item says: 0, 1, -EINVAL. */
static int item_truth(const struct item *item)
{
    if (item->negated) {
        return item->value ? -EINVAL : 0;
    }
    return item->value ? parse_bool(item->value) : 1;
}

static uint8_t choice(bool on)
{
    return on ? CHOICE_YES : CHOICE_NO;
}

/* ---- spec-ctrl= ------------------------------------------------------------------------------ */

#define MEMBER(name) offsetof(struct speculation_options, name)

static const struct {
    const char *name;
    size_t member;
    bool by_guest; /* also takes pv or hvm */
} switches[] = {
    {"ibrs", MEMBER(ibrs), false},
    {"ibpb", MEMBER(ibpb), false},
    {"ssbd", MEMBER(ssbd), false},
    {"stibp", MEMBER(stibp), false},
    {"bhi-dis-s", MEMBER(bhi_dis_s), false},
    {"msr-sc", MEMBER(msr_sc), true},
    {"rsb", MEMBER(rsb), true},
    {"md-clear", MEMBER(verw), true},
    {"verw", MEMBER(verw), true},
    {"ibpb-entry", MEMBER(ibpb_entry), true},
    {"srb-lock", MEMBER(srb_lock), false},
    {"gds-mit", MEMBER(gds_mit), false},
    {"unpriv-mmio", MEMBER(unpriv_mmio), false},
    {"eager-fpu", MEMBER(eager_fpu), false},
    {"l1d-flush", MEMBER(l1d_flush), false},
    {"branch-harden", MEMBER(branch_harden), false},
};

static uint8_t *member(struct speculation_options *options, size_t offset)
{
    return (uint8_t *)options + offset;
}

static int set_thunk(struct speculation_options *options, const char *name)
{
    static const char *const names[] = {"retpoline", "lfence", "jmp"};

    for (unsigned int i = 0; name && i < ARRAY_SIZE(names); i++) {
        if (strcmp(name, names[i]) == 0) {
            options->thunk = (uint8_t)(i + 1);
            return 0;
        }
    }
    return -EINVAL;
}

/* A group that is on is left to what the processor needs. */
static uint8_t unless_off(bool on)
{
    return on ? CHOICE_SILENT : CHOICE_NO;
}

static void turn_off_if_silent(uint8_t *option)
{
    if (*option == CHOICE_SILENT) {
        *option = CHOICE_NO;
    }
}

/* What protects Pavise from the guests it runs: the work at entry and exit. */
static void set_for_guests(struct speculation_options *options, bool on)
{
    options->msr_sc = options->rsb = options->verw = options->ibpb_entry = unless_off(on);
}

static void set_for_pavise(struct speculation_options *options, bool on)
{
    options->thunk = on ? CHOICE_SILENT : THUNK_JUMP + 1;
    options->ibrs = options->stibp = options->bhi_dis_s = unless_off(on);
    options->srb_lock = options->gds_mit = unless_off(on);
}

/* "no" turns all off that was not asked for by an option of its own; "yes" is the default. */
static void set_all(struct speculation_options *options, bool on)
{
    set_for_guests(options, on);
    set_for_pavise(options, on);
    options->ibpb = options->ssbd = unless_off(on);
    if (!on) {
        turn_off_if_silent(&options->xpti_dom0);
        turn_off_if_silent(&options->xpti_domu);
        turn_off_if_silent(&options->l1tf_dom0);
        turn_off_if_silent(&options->l1tf_domu);
    }
}

static int set_switch(struct speculation_options *options, const struct item *item)
{
    int truth = item_truth(item);

    for (size_t i = 0; i < ARRAY_SIZE(switches); i++) {
        if (strcmp(item->name, switches[i].name) != 0) {
            continue;
        }
        if (truth < 0 && switches[i].by_guest && item->value) {
            bool pv = strcmp(item->value, "pv") == 0;
            if (!pv && strcmp(item->value, "hvm") != 0) {
                return -EINVAL;
            }
            *member(options, switches[i].member) = choice(pv);
            return 0;
        }
        if (truth >= 0) {
            *member(options, switches[i].member) = choice(truth == 1);
        }
        return truth < 0 ? truth : 0;
    }
    return -EINVAL;
}

static int set_group(struct speculation_options *options, const struct item *item, bool *known)
{
    int truth = item_truth(item);

    *known = true;
    if (!item->negated && !item->value && parse_bool(item->name) >= 0) {
        set_all(options, parse_bool(item->name) == 1);
        return 0;
    }
    if (strcmp(item->name, "xen") == 0 && truth >= 0) {
        set_for_pavise(options, truth == 1);
        return 0;
    }
    if (strcmp(item->name, "pv") == 0 && truth >= 0) {
        set_for_guests(options, truth == 1);
        return 0;
    }
    if (strcmp(item->name, "hvm") == 0 && truth >= 0) {
        return 0;
    }
    *known = false;
    return -EINVAL;
}

static int set_item(struct speculation_options *options, const struct item *item)
{
    bool known;
    int error = set_group(options, item, &known);

    if (known) {
        return error;
    }
    return strcmp(item->name, "bti-thunk") == 0 && !item->negated ? set_thunk(options, item->value)
                                                                  : set_switch(options, item);
}

int speculation_parse(struct speculation_options *options, const char *text)
{
    int result = 0;

    if (!text) {
        set_all(options, true);
    }
    while (text) {
        struct item item;
        int error = next_item(&text, &item);
        if (error != 0) {
            return error;
        }
        error = set_item(options, &item);
        result = error != 0 ? error : result;
    }
    return result;
}

/* ---- xpti= and pv-l1tf= ---------------------------------------------------------------------- */

static int set_domains(uint8_t *dom0, uint8_t *domu, const struct item *item)
{
    int truth = item_truth(item);

    if (!item->negated && !item->value && strcmp(item->name, "default") == 0) {
        *dom0 = *domu = CHOICE_SILENT;
        return 0;
    }
    if (!item->negated && !item->value && parse_bool(item->name) >= 0) {
        *dom0 = *domu = choice(parse_bool(item->name) == 1);
        return 0;
    }
    if (truth >= 0 && strcmp(item->name, "dom0") == 0) {
        *dom0 = choice(truth == 1);
        return 0;
    }
    if (truth >= 0 && strcmp(item->name, "domu") == 0) {
        *domu = choice(truth == 1);
        return 0;
    }
    return -EINVAL;
}

static int parse_domains(uint8_t *dom0, uint8_t *domu, const char *text)
{
    int result = 0;

    if (!text) {
        *dom0 = *domu = CHOICE_YES;
    }
    while (text) {
        struct item item;
        int error = next_item(&text, &item);
        if (error != 0) {
            return error;
        }
        error = set_domains(dom0, domu, &item);
        result = error != 0 ? error : result;
    }
    return result;
}

int speculation_parse_xpti(struct speculation_options *options, const char *text)
{
    return parse_domains(&options->xpti_dom0, &options->xpti_domu, text);
}

int speculation_parse_l1tf(struct speculation_options *options, const char *text)
{
    return parse_domains(&options->l1tf_dom0, &options->l1tf_domu, text);
}

/* ---- options --------------------------------------------------------------------------------- */

static int parse_spec_ctrl(const struct param *param, const char *value)
{
    return speculation_parse(&speculation_options, value);
}

static int parse_xpti(const struct param *param, const char *value)
{
    return speculation_parse_xpti(&speculation_options, value);
}

static int parse_l1tf(const struct param *param, const char *value)
{
    return speculation_parse_l1tf(&speculation_options, value);
}

PARAM_DEFINE("spec-ctrl", .parse = parse_spec_ctrl, .is_bool = true);
PARAM_DEFINE("xpti", .parse = parse_xpti, .is_bool = true);
PARAM_DEFINE("pv-l1tf", .parse = parse_l1tf, .is_bool = true);
