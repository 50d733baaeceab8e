libleadrelay_a_SOURCES += \
	src/program/again.c src/program/again.h \
	src/program/compiled.c src/program/compiled.h \
	src/program/host.c src/program/host.h \
	src/program/libjq.c src/program/libjq.h \
	src/program/limits.c src/program/limits.h \
	src/program/program.c src/program/program.h \
	src/program/runner.c src/program/runner.h \
	src/program/wire.c src/program/wire.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/program/test_wire
tests_unit_program_test_wire_SOURCES = tests/unit/program/test_wire.c tests/unit/unit.h
tests_unit_program_test_wire_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_program_test_wire_LDADD = $(UNIT_LDADD)

if HAVE_JQ
check_PROGRAMS += tests/unit/program/test_program
tests_unit_program_test_program_SOURCES = tests/unit/program/test_program.c tests/unit/unit.h
tests_unit_program_test_program_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_program_test_program_LDADD = $(UNIT_LDADD)
endif
endif
