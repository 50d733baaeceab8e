libleadrelay_a_SOURCES += \
	src/config/check.c src/config/check.h \
	src/config/config.c src/config/config.h \
	src/config/config_keep.c \
	src/config/config_print.c \
	src/config/config_served.c \
	src/config/fault.c src/config/fault.h \
	src/config/keys.c src/config/keys.h \
	src/config/parse.c src/config/parse.h \
	src/config/scan.c src/config/scan.h \
	src/config/url.c src/config/url.h \
	src/config/value.c src/config/value.h

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/config/test_config \
	tests/unit/config/test_faults \
	tests/unit/config/test_manual \
	tests/unit/config/test_print \
	tests/unit/config/test_served \
	tests/unit/config/test_url
endif

EXTRA_DIST += tests/fuzz/fuzz_config.c
