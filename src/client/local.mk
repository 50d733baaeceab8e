libleadrelay_a_SOURCES += \
	src/client/cmd.h \
	src/client/ask.c src/client/ask.h \
	src/client/cmd_doctor.c \
	src/client/cmd_send.c \
	src/client/doctor.c src/client/doctor.h \
	src/client/forged.c src/client/forged.h \
	src/client/post.c src/client/post.h \
	src/client/scenario.c src/client/scenario.h \
	src/client/target.c src/client/target.h

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/client/test_doctor \
	tests/unit/client/test_target
endif

EXTRA_DIST += tests/e2e/test_doctor.py tests/e2e/test_scenarios.py
