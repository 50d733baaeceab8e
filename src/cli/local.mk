libleadrelay_a_SOURCES += \
	src/cli/args.c src/cli/args.h \
	src/cli/ask.c src/cli/ask.h \
	src/cli/bulk.c src/cli/bulk.h \
	src/cli/cmd.h \
	src/cli/cmd_act.c \
	src/cli/cmd_backup.c \
	src/cli/cmd_check.c \
	src/cli/cmd_doctor.c \
	src/cli/cmd_erase.c \
	src/cli/cmd_list.c \
	src/cli/cmd_relay.c \
	src/cli/cmd_schema.c \
	src/cli/cmd_send.c \
	src/cli/cmd_serve.c \
	src/cli/cmd_show.c \
	src/cli/cmd_stats.c \
	src/cli/cmd_try.c src/cli/cmd_try.h src/cli/cmd_try_diff.c \
	src/cli/command.c src/cli/command.h \
	src/cli/doctor.c src/cli/doctor.h \
	src/cli/forge.c src/cli/forge.h \
	src/cli/help.c src/cli/help.h \
	src/cli/input.c src/cli/input.h \
	src/cli/object.c src/cli/object.h \
	src/cli/place.c src/cli/place.h \
	src/cli/post.c src/cli/post.h \
	src/cli/print.c src/cli/print.h \
	src/cli/reply.c src/cli/reply.h \
	src/cli/review.c src/cli/review.h \
	src/cli/row.c src/cli/row.h \
	src/cli/scenario.c src/cli/scenario.h \
	src/cli/scope.c src/cli/scope.h \
	src/cli/setup.c src/cli/setup.h \
	src/cli/table.c src/cli/table.h \
	src/cli/target.c src/cli/target.h \
	src/cli/version.c src/cli/version.h

EXTRA_DIST += tests/e2e/test_backup.py tests/e2e/test_bulk.py tests/e2e/test_cli.py \
	tests/e2e/test_doctor.py \
	tests/e2e/test_erase.py \
	tests/e2e/test_scenarios.py tests/e2e/test_sources.py

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/cli/test_args tests/unit/cli/test_object \
	tests/unit/cli/test_print tests/unit/cli/test_table \
	tests/unit/cli/test_target tests/unit/cli/test_help \
	tests/unit/cli/test_review tests/unit/cli/test_place \
	tests/unit/cli/test_manual tests/unit/cli/test_doctor
tests_unit_cli_test_args_SOURCES = tests/unit/cli/test_args.c tests/unit/unit.h
tests_unit_cli_test_args_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cli_test_args_LDADD = $(UNIT_LDADD)
tests_unit_cli_test_doctor_SOURCES = tests/unit/cli/test_doctor.c tests/unit/unit.h
tests_unit_cli_test_doctor_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cli_test_doctor_LDADD = $(UNIT_LDADD)
tests_unit_cli_test_help_SOURCES = tests/unit/cli/test_help.c tests/unit/unit.h
tests_unit_cli_test_help_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cli_test_help_LDADD = $(UNIT_LDADD)
tests_unit_cli_test_manual_SOURCES = tests/unit/cli/test_manual.c tests/unit/unit.h
tests_unit_cli_test_manual_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cli_test_manual_LDADD = $(UNIT_LDADD)
tests_unit_cli_test_object_SOURCES = tests/unit/cli/test_object.c tests/unit/unit.h
tests_unit_cli_test_object_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cli_test_object_LDADD = $(UNIT_LDADD)
tests_unit_cli_test_place_SOURCES = tests/unit/cli/test_place.c tests/unit/unit.h
tests_unit_cli_test_place_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cli_test_place_LDADD = $(UNIT_LDADD)
tests_unit_cli_test_print_SOURCES = tests/unit/cli/test_print.c tests/unit/unit.h
tests_unit_cli_test_print_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cli_test_print_LDADD = $(UNIT_LDADD)
tests_unit_cli_test_review_SOURCES = tests/unit/cli/test_review.c tests/unit/unit.h
tests_unit_cli_test_review_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cli_test_review_LDADD = $(UNIT_LDADD)
tests_unit_cli_test_table_SOURCES = tests/unit/cli/test_table.c tests/unit/unit.h
tests_unit_cli_test_table_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cli_test_table_LDADD = $(UNIT_LDADD)
tests_unit_cli_test_target_SOURCES = tests/unit/cli/test_target.c tests/unit/unit.h
tests_unit_cli_test_target_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cli_test_target_LDADD = $(UNIT_LDADD)
endif
