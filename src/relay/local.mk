libleadrelay_a_SOURCES += \
	src/relay/form.c src/relay/form.h \
	src/relay/sign.c src/relay/sign.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/relay/test_form tests/unit/relay/test_sign
tests_unit_relay_test_form_SOURCES = tests/unit/relay/test_form.c tests/unit/unit.h
tests_unit_relay_test_form_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_relay_test_form_LDADD = $(UNIT_LDADD)
tests_unit_relay_test_sign_SOURCES = tests/unit/relay/test_sign.c tests/unit/unit.h
tests_unit_relay_test_sign_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_relay_test_sign_LDADD = $(UNIT_LDADD)
endif
