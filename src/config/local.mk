EXTRA_DIST += tests/fuzz/fuzz_config.c

libleadrelay_a_SOURCES += \
	src/config/check.c src/config/check.h \
	src/config/config.c src/config/config.h \
	src/config/config_keep.c src/config/config_print.c \
	src/config/config_served.c \
	src/config/fault.c src/config/fault.h \
	src/config/keys.c src/config/keys.h \
	src/config/parse.c src/config/parse.h \
	src/config/scan.c src/config/scan.h \
	src/config/secret.c src/config/secret.h \
	src/config/url.c src/config/url.h \
	src/config/value.c src/config/value.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/config/test_secret \
	tests/unit/config/test_config tests/unit/config/test_faults \
	tests/unit/config/test_manual tests/unit/config/test_print \
	tests/unit/config/test_served tests/unit/config/test_url
tests_unit_config_test_secret_SOURCES = tests/unit/config/test_secret.c tests/unit/unit.h
tests_unit_config_test_secret_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_config_test_secret_LDADD = $(UNIT_LDADD)
tests_unit_config_test_faults_SOURCES = tests/unit/config/test_faults.c tests/unit/unit.h tests/unit/config/files.h
tests_unit_config_test_faults_CPPFLAGS = $(UNIT_CPPFLAGS) -I$(top_srcdir)/tests/unit/config
tests_unit_config_test_faults_LDADD = $(UNIT_LDADD)
tests_unit_config_test_config_SOURCES = tests/unit/config/test_config.c tests/unit/unit.h tests/unit/config/files.h
tests_unit_config_test_config_CPPFLAGS = $(UNIT_CPPFLAGS) -I$(top_srcdir)/tests/unit/config
tests_unit_config_test_config_LDADD = $(UNIT_LDADD)
tests_unit_config_test_print_SOURCES = tests/unit/config/test_print.c tests/unit/unit.h tests/unit/config/files.h
tests_unit_config_test_print_CPPFLAGS = $(UNIT_CPPFLAGS) -I$(top_srcdir)/tests/unit/config
tests_unit_config_test_print_LDADD = $(UNIT_LDADD)
tests_unit_config_test_served_SOURCES = tests/unit/config/test_served.c tests/unit/unit.h tests/unit/config/files.h
tests_unit_config_test_served_CPPFLAGS = $(UNIT_CPPFLAGS) -I$(top_srcdir)/tests/unit/config
tests_unit_config_test_served_LDADD = $(UNIT_LDADD)
tests_unit_config_test_url_SOURCES = tests/unit/config/test_url.c tests/unit/unit.h
tests_unit_config_test_url_CPPFLAGS = $(UNIT_CPPFLAGS) -I$(top_srcdir)/tests/unit/config
tests_unit_config_test_url_LDADD = $(UNIT_LDADD)
tests_unit_config_test_manual_SOURCES = tests/unit/config/test_manual.c tests/unit/unit.h
tests_unit_config_test_manual_CPPFLAGS = $(UNIT_CPPFLAGS) -I$(top_srcdir)/tests/unit/config
tests_unit_config_test_manual_LDADD = $(UNIT_LDADD)
endif
