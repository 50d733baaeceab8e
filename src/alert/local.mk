libleadrelay_a_SOURCES += \
	src/alert/alert.c src/alert/alert.h \
	src/alert/child.c src/alert/child.h \
	src/alert/notice.c src/alert/notice.h \
	src/alert/notifier.c src/alert/notifier.h \
	src/alert/watch.c src/alert/watch.h

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/alert/test_alert \
	tests/unit/alert/test_child \
	tests/unit/alert/test_notice
endif
