libleadrelay_a_SOURCES += \
	src/intake/fastcgi.c src/intake/fastcgi.h

EXTRA_DIST += tests/fuzz/fuzz_fastcgi.c

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/intake/test_fastcgi
tests_unit_intake_test_fastcgi_SOURCES = tests/unit/intake/test_fastcgi.c \
	tests/unit/intake/records.h tests/unit/unit.h
tests_unit_intake_test_fastcgi_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_intake_test_fastcgi_LDADD = $(UNIT_LDADD)
endif
