libleadrelay_a_SOURCES += \
	src/outbox/event.c src/outbox/event.h \
	src/outbox/mailbox.c src/outbox/mailbox.h \
	src/outbox/need.c src/outbox/need.h \
	src/outbox/outbox.c src/outbox/outbox.h \
	src/outbox/owner.c src/outbox/owner.h \
	src/outbox/sqlite/lite.c src/outbox/sqlite/lite.h \
	src/outbox/sqlite/lite_accept.c \
	src/outbox/sqlite/lite_act.c \
	src/outbox/sqlite/lite_backup.c \
	src/outbox/sqlite/lite_claim.c \
	src/outbox/sqlite/lite_clock.c \
	src/outbox/sqlite/lite_delivery.c \
	src/outbox/sqlite/lite_due.c \
	src/outbox/sqlite/lite_fault.c \
	src/outbox/sqlite/lite_files.c \
	src/outbox/sqlite/lite_find.c \
	src/outbox/sqlite/lite_list.c \
	src/outbox/sqlite/lite_lock.c \
	src/outbox/sqlite/lite_open.c \
	src/outbox/sqlite/lite_purge.c \
	src/outbox/sqlite/lite_room.c \
	src/outbox/sqlite/lite_schema.c \
	src/outbox/sqlite/lite_scrub.c \
	src/outbox/sqlite/lite_settle.c \
	src/outbox/sqlite/lite_sql.c \
	src/outbox/sqlite/lite_stats.c \
	src/outbox/sqlite/lite_sync.c \
	src/outbox/sqlite/lite_taken.c \
	src/outbox/sqlite/lite_tidy.c \
	src/outbox/sqlite/lite_txn.c \
	src/outbox/store.c src/outbox/store.h \
	src/outbox/store_ops.h

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/outbox/test_event \
	tests/unit/outbox/test_lite_fault \
	tests/unit/outbox/test_lite_lock \
	tests/unit/outbox/test_lite_migrate \
	tests/unit/outbox/test_lite_model \
	tests/unit/outbox/test_lite_open \
	tests/unit/outbox/test_lite_place \
	tests/unit/outbox/test_lite_plan \
	tests/unit/outbox/test_lite_room \
	tests/unit/outbox/test_lite_taken \
	tests/unit/outbox/test_lite_tidy \
	tests/unit/outbox/test_need \
	tests/unit/outbox/test_outbox \
	tests/unit/outbox/test_placeless \
	tests/unit/outbox/test_store_accept \
	tests/unit/outbox/test_store_act \
	tests/unit/outbox/test_store_delivery \
	tests/unit/outbox/test_store_model \
	tests/unit/outbox/test_store_names \
	tests/unit/outbox/test_store_time
endif

# These say on which file system they are, and how much room there is.
tests_unit_outbox_test_lite_open_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=statfs
tests_unit_outbox_test_lite_fault_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=statfs
tests_unit_outbox_test_lite_migrate_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=statvfs -Wl,--wrap=statfs
tests_unit_outbox_test_lite_room_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=statvfs

EXTRA_PROGRAMS += tests/bench/bench_outbox
tests_bench_bench_outbox_LDADD = libleadrelay.a $(LEADRELAY_LIBS)
