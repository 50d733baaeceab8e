/*
 * fault: what a load found wrong, collected line by line (struct config_fault).
 */
#ifndef LEADRELAY_CONFIG_FAULT_H
#define LEADRELAY_CONFIG_FAULT_H


struct config_fault;

/* Where something stands.  ${line} 0: the file as a whole. */
struct fault_place {
	struct config_fault *fault;
	const char *file;
	int line;
};

/* Add "file:line: words"; fault_warn puts "warning: " before and counts nothing. */
void fault_add(const struct fault_place *at, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void fault_warn(const struct fault_place *at, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
