/* bcc compares versions to choose between helpers; the sensor needs 5.15 or later and uses no helper added after it. */
#define KERNEL_VERSION(major, minor, patch) (((major) << 16) + ((minor) << 8) + (patch))
#define LINUX_VERSION_CODE KERNEL_VERSION(5, 15, 0)
