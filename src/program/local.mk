libleadrelay_a_SOURCES += \
	src/program/again.c src/program/again.h \
	src/program/limits.c src/program/limits.h \
	src/program/pipeline.c src/program/pipeline.h \
	src/program/program.c src/program/program.h \
	src/program/programs.c src/program/programs.h \
	src/program/runner.c src/program/runner.h \
	src/program/wire.c src/program/wire.h
if HAVE_JQ
libleadrelay_a_SOURCES += \
	src/program/compiled.c src/program/compiled.h \
	src/program/libjq.c src/program/libjq.h
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/program/test_wire
if HAVE_JQ
check_PROGRAMS += \
	tests/unit/program/test_pipeline \
	tests/unit/program/test_program
endif
endif
