/* A stand-in for NVIDIA's management library: one GPU, of which three things are known. */
#include <stdio.h>

int nvmlInit_v2(void) { return 0; }
int nvmlInitWithFlags(unsigned flags) { (void)flags; return 0; }
int nvmlShutdown(void) { return 0; }

int nvmlSystemGetDriverVersion(char *version, unsigned length) {
    snprintf(version, length, "570.00.mock");
    return 0;
}

int nvmlDeviceGetCount_v2(unsigned *count) { *count = 1; return 0; }

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
    static int gpu;
    *device = &gpu;
    return index == 0 ? 0 : 2;
}

int nvmlDeviceGetName(void *device, char *name, unsigned length) {
    (void)device;
    snprintf(name, length, "Mock GPU");
    return 0;
}

int nvmlDeviceGetUUID(void *device, char *uuid, unsigned length) {
    (void)device;
    snprintf(uuid, length, "GPU-00000000-0000-0000-0000-000000000000");
    return 0;
}
