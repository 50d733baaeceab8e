libleadrelay_a_SOURCES += \
	src/lead/check.h \
	src/lead/check_date.c \
	src/lead/check_email.c \
	src/lead/check_enum.c \
	src/lead/check_length.c \
	src/lead/check_nested.c \
	src/lead/check_number.c \
	src/lead/compact.c src/lead/compact.h \
	src/lead/lead.c src/lead/lead.h \
	src/lead/lead_check.c \
	src/lead/lead_sample.c \
	src/lead/lead_schema.c \
	src/lead/number.c src/lead/number.h \
	src/lead/report.c src/lead/report.h \
	src/lead/rules.c src/lead/rules.h

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/lead/test_lead \
	tests/unit/lead/test_number \
	tests/unit/lead/test_rules
endif

# What the rules say, for tests/e2e/test_schema.py: built by check, no test itself.
EXTRA_PROGRAMS += tests/unit/lead/judge
check_DATA = tests/unit/lead/judge$(EXEEXT)
CLEANFILES += tests/unit/lead/judge$(EXEEXT)
tests_unit_lead_judge_LDADD = libleadrelay.a $(JSONC_LIBS) $(CRYPTO_LIBS)
EXTRA_DIST += tests/e2e/test_schema.py tests/fuzz/fuzz_lead.c
