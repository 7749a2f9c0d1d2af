/* bcc's BPF_STACK_TRACE wants roundup_pow_of_two; the sensor keeps no stack traces. */
