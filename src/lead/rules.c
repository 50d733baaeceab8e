/*
 * LeadPro's table of fields.  A rule is one row; check_*.c have what a row's check does.
 */
#include "lead/rules.h"

const char *const rules_events[] = { "lead.created", "lead.updated", NULL };

static const char *const types[] = {
	"sale", "vendor", "landlord", "let", "mortgage_request", NULL
};
static const char *const valued_types[] = {
	"vendor", "landlord", "mortgage_request", NULL
};
static const char *const property_types[] = { "sale", "let", NULL };

const struct rule_condition rules_conditions[RULE_WHENS] = {
	[RULE_ALWAYS]	= { NULL, false, "" },
	[RULE_VALUED]	= { valued_types, false,
	    " when type is vendor, landlord or mortgage_request" },
	[RULE_ADVERT]	= { property_types, true,
	    " when type is sale or let and there is no office_id" },
	[RULE_PROPERTY]	= { property_types, false, " when type is sale or let" },
};

static const char *const statuses[] = {
	"UNREAD", "IN_PROGRESS", "NO_BUSINESS", "BUSINESS", "DUPLICATE", NULL
};
static const char *const stages[] = {
	"NEW", "CONTACTED", "KEEP_IN_TOUCH", "LOST", "NOT_CONTACTABLE", "WON",
	"VALUATION_BOOKED", "INSTRUCTED", "VIEWING_BOOKED", "REGISTERED",
	"DUPLICATE", "SPAM", "DELETED", NULL
};
static const char *const buildings[] = {
	"detached", "semi-detached", "terraced", "flat-maisonette", NULL
};

/* In the order of LeadPro's page. */
const struct rule rules[] = {
	/* name                     type          required       check                 min max   words */
	{ "id",                     RULE_INTEGER, RULE_ALWAYS,   NULL,                 0, 0,    NULL },
	{ "first_name",             RULE_STRING,  RULE_OPTIONAL, &check_length,        1, 50,   NULL },
	{ "last_name",              RULE_STRING,  RULE_OPTIONAL, &check_length,        1, 50,   NULL },
	{ "full_name",              RULE_STRING,  RULE_ALWAYS,   &check_length,        1, 100,  NULL },
	{ "email",                  RULE_STRING,  RULE_ALWAYS,   &check_email,         0, 254,  NULL },
	{ "phone",                  RULE_STRING,  RULE_ALWAYS,   &check_length,        0, 255,  NULL },
	{ "type",                   RULE_STRING,  RULE_ALWAYS,   &check_enum,          0, 0,    types },
	{ "source",                 RULE_STRING,  RULE_OPTIONAL, NULL,                 0, 0,    NULL },
	{ "address",                RULE_STRING,  RULE_VALUED,   &check_length,        0, 100,  NULL },
	{ "postcode",               RULE_STRING,  RULE_VALUED,   &check_length,        2, 10,   NULL },
	{ "advert_address",         RULE_STRING,  RULE_ADVERT,   &check_length,        0, 100,  NULL },
	{ "advert_postcode",        RULE_STRING,  RULE_ADVERT,   &check_length,        2, 10,   NULL },
	{ "advert_url",             RULE_STRING,  RULE_OPTIONAL, &check_length,        0, 255,  NULL },
	{ "advert_image",           RULE_STRING,  RULE_OPTIONAL, &check_length,        0, 255,  NULL },
	{ "title",                  RULE_STRING,  RULE_OPTIONAL, &check_length,        1, 10,   NULL },
	{ "message",                RULE_STRING,  RULE_OPTIONAL, &check_length,        0, 8192, NULL },
	{ "appointment_availability", RULE_OBJECT, RULE_OPTIONAL, &check_availability, 0, 2048, NULL },
	{ "meta",                   RULE_OBJECT,  RULE_OPTIONAL, &check_meta,          0, 1024, NULL },
	{ "questionnaire",          RULE_ARRAY,   RULE_OPTIONAL, &check_questionnaire, 0, 2048, NULL },
	{ "parentId",               RULE_INTEGER, RULE_OPTIONAL, NULL,                 0, 0,    NULL },
	{ "createdAt",              RULE_STRING,  RULE_OPTIONAL, &check_date,          0, 0,    NULL },
	{ "status",                 RULE_STRING,  RULE_OPTIONAL, &check_enum,          0, 0,    statuses },
	{ "stage",                  RULE_STRING,  RULE_OPTIONAL, &check_enum,          0, 0,    stages },
	{ "gdpr_checkbox",          RULE_BOOLEAN, RULE_OPTIONAL, NULL,                 0, 0,    NULL },
	{ "host",                   RULE_STRING,  RULE_OPTIONAL, NULL,                 0, 0,    NULL },
	{ "average_sale_estimation", RULE_NUMBER, RULE_OPTIONAL, &check_decimals,      0, 2,    NULL },
	{ "average_rent_estimation", RULE_NUMBER, RULE_OPTIONAL, &check_decimals,      0, 2,    NULL },
	{ "minimum_sale_estimation", RULE_NUMBER, RULE_OPTIONAL, &check_decimals,      0, 2,    NULL },
	{ "maximum_sale_estimation", RULE_NUMBER, RULE_OPTIONAL, &check_decimals,      0, 2,    NULL },
	{ "minimum_rent_estimation", RULE_NUMBER, RULE_OPTIONAL, &check_decimals,      0, 2,    NULL },
	{ "maximum_rent_estimation", RULE_NUMBER, RULE_OPTIONAL, &check_decimals,      0, 2,    NULL },
	{ "office_id",              RULE_INTEGER, RULE_OPTIONAL, &check_office,        0, 0,    NULL },
	{ "office_name",            RULE_STRING,  RULE_OPTIONAL, NULL,                 0, 0,    NULL },
	{ "property_reference",     RULE_STRING,  RULE_PROPERTY, &check_length,        0, 50,   NULL },
	{ "property_bedrooms",      RULE_NUMBER,  RULE_OPTIONAL, NULL,                 0, 0,    NULL },
	{ "property_type",          RULE_STRING,  RULE_OPTIONAL, &check_enum,          0, 0,    buildings },
	{ "comparable_props",       RULE_ARRAY,   RULE_OPTIONAL, &check_objects,       0, 0,    NULL },
	{ "international",          RULE_BOOLEAN, RULE_OPTIONAL, NULL,                 0, 0,    NULL },
	{ "account_id",             RULE_INTEGER, RULE_OPTIONAL, NULL,                 0, 0,    NULL },
	{ "account_name",           RULE_STRING,  RULE_OPTIONAL, NULL,                 0, 0,    NULL },
	{ "referred_by_office_id",  RULE_INTEGER, RULE_OPTIONAL, NULL,                 0, 0,    NULL },
	{ "referred_by_office_name", RULE_STRING, RULE_OPTIONAL, NULL,                 0, 0,    NULL },
	{ "referred_by_account_id", RULE_INTEGER, RULE_OPTIONAL, NULL,                 0, 0,    NULL },
	{ "referred_by_account_name", RULE_STRING, RULE_OPTIONAL, NULL,                0, 0,    NULL },
};
const size_t rules_count = sizeof(rules) / sizeof(rules[0]);
