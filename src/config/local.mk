libleadrelay_a_SOURCES += \
	src/config/secret.c src/config/secret.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/config/test_secret
tests_unit_config_test_secret_SOURCES = tests/unit/config/test_secret.c tests/unit/unit.h
tests_unit_config_test_secret_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_config_test_secret_LDADD = $(UNIT_LDADD)
endif
