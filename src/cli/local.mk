libleadrelay_a_SOURCES += \
	src/cli/args.c src/cli/args.h \
	src/cli/bulk.c src/cli/bulk.h \
	src/cli/cmd.h \
	src/cli/cmd_act.c \
	src/cli/cmd_backup.c \
	src/cli/cmd_check.c \
	src/cli/cmd_erase.c \
	src/cli/cmd_list.c \
	src/cli/cmd_relay.c \
	src/cli/cmd_schema.c \
	src/cli/cmd_serve.c \
	src/cli/cmd_show.c \
	src/cli/cmd_stats.c \
	src/cli/cmd_try.c src/cli/cmd_try.h \
	src/cli/cmd_try_diff.c \
	src/cli/file_access.c src/cli/file_access.h \
	src/cli/help.c src/cli/help.h \
	src/cli/input.c src/cli/input.h \
	src/cli/names.c src/cli/names.h \
	src/cli/object.c src/cli/object.h \
	src/cli/print.c src/cli/print.h \
	src/cli/reply.c src/cli/reply.h \
	src/cli/review.c src/cli/review.h \
	src/cli/row.c src/cli/row.h \
	src/cli/scope.c src/cli/scope.h \
	src/cli/setup.c src/cli/setup.h \
	src/cli/table.c src/cli/table.h \
	src/cli/version.c src/cli/version.h

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/cli/test_args \
	tests/unit/cli/test_file_access \
	tests/unit/cli/test_help \
	tests/unit/cli/test_manual \
	tests/unit/cli/test_object \
	tests/unit/cli/test_print \
	tests/unit/cli/test_review \
	tests/unit/cli/test_table
endif

EXTRA_DIST += tests/e2e/test_backup.py tests/e2e/test_bulk.py tests/e2e/test_cli.py \
	tests/e2e/test_erase.py tests/e2e/test_sources.py
