libleadrelay_a_SOURCES += \
	src/cli/args.c src/cli/args.h \
	src/cli/help.c src/cli/help.h \
	src/cli/object.c src/cli/object.h \
	src/cli/place.c src/cli/place.h \
	src/cli/print.c src/cli/print.h \
	src/cli/table.c src/cli/table.h \
	src/cli/target.c src/cli/target.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/cli/test_args \
	tests/unit/cli/test_help \
	tests/unit/cli/test_object \
	tests/unit/cli/test_place \
	tests/unit/cli/test_print \
	tests/unit/cli/test_table \
	tests/unit/cli/test_target
tests_unit_cli_test_args_SOURCES = tests/unit/cli/test_args.c tests/unit/unit.h
tests_unit_cli_test_args_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cli_test_args_LDADD = $(UNIT_LDADD)
tests_unit_cli_test_help_SOURCES = tests/unit/cli/test_help.c tests/unit/unit.h
tests_unit_cli_test_help_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cli_test_help_LDADD = $(UNIT_LDADD)
tests_unit_cli_test_object_SOURCES = tests/unit/cli/test_object.c tests/unit/unit.h
tests_unit_cli_test_object_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cli_test_object_LDADD = $(UNIT_LDADD)
tests_unit_cli_test_place_SOURCES = tests/unit/cli/test_place.c tests/unit/unit.h
tests_unit_cli_test_place_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cli_test_place_LDADD = $(UNIT_LDADD)
tests_unit_cli_test_print_SOURCES = tests/unit/cli/test_print.c tests/unit/unit.h
tests_unit_cli_test_print_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cli_test_print_LDADD = $(UNIT_LDADD)
tests_unit_cli_test_table_SOURCES = tests/unit/cli/test_table.c tests/unit/unit.h
tests_unit_cli_test_table_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cli_test_table_LDADD = $(UNIT_LDADD)
tests_unit_cli_test_target_SOURCES = tests/unit/cli/test_target.c tests/unit/unit.h
tests_unit_cli_test_target_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cli_test_target_LDADD = $(UNIT_LDADD)
endif
