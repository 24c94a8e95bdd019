/* Extism doing the same work: a compiled plugin once, then an instance for each call, and one instance
 * for all calls. The declarations are those of its public C interface (runtime/extism.h, version 1.41).
 *
 * Times are of CLOCK_MONOTONIC; each figure is the median of samples of ten calls. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct ExtismPlugin ExtismPlugin;
typedef struct ExtismCompiledPlugin ExtismCompiledPlugin;
typedef struct ExtismFunction ExtismFunction;

const char *extism_version(void);
ExtismCompiledPlugin *extism_compiled_plugin_new(const uint8_t *wasm, uint64_t size, const ExtismFunction **functions,
                                                 uint64_t count, bool with_wasi, char **error);
ExtismCompiledPlugin *extism_compiled_plugin_new_with_fuel_limit(const uint8_t *wasm, uint64_t size,
                                                                 const ExtismFunction **functions, uint64_t count,
                                                                 bool with_wasi, uint64_t fuel, char **error);
void extism_compiled_plugin_free(ExtismCompiledPlugin *plugin);
ExtismPlugin *extism_plugin_new_from_compiled(const ExtismCompiledPlugin *compiled, char **error);
void extism_plugin_free(ExtismPlugin *plugin);
int32_t extism_plugin_call(ExtismPlugin *plugin, const char *function, const uint8_t *data, uint64_t size);
const char *extism_plugin_error(ExtismPlugin *plugin);
uint64_t extism_plugin_output_length(ExtismPlugin *plugin);
const uint8_t *extism_plugin_output_data(ExtismPlugin *plugin);

enum { CALLS = 10, SAMPLES = 1000, COMPILES = 10 };
static const uint64_t FUEL = 1000000000;

struct bytes {
    uint8_t *data;
    uint64_t size;
};

static void die(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why ? why : "?");
    exit(1);
}

static struct bytes slurp(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) die(path, "cannot be opened");
    fseek(file, 0, SEEK_END);
    struct bytes bytes = {0};
    bytes.size = (uint64_t)ftell(file);
    rewind(file);
    bytes.data = malloc(bytes.size + 1);
    if (!bytes.data || fread(bytes.data, 1, bytes.size, file) != bytes.size) die(path, "cannot be read");
    fclose(file);
    return bytes;
}

static double now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *samples, int count) {
    qsort(samples, (size_t)count, sizeof *samples, by_size);
    return samples[count / 2];
}

/* The answer is copied out, as a host must: it lies in the plugin's memory. */
static uint64_t call(ExtismPlugin *plugin, const char *function, struct bytes input) {
    static uint8_t out[1 << 16];
    if (extism_plugin_call(plugin, function, input.data, input.size) != 0) die(function, extism_plugin_error(plugin));
    uint64_t size = extism_plugin_output_length(plugin);
    if (size > sizeof out) die(function, "too long an answer");
    memcpy(out, extism_plugin_output_data(plugin), size);
    return size;
}

static ExtismPlugin *instance(const ExtismCompiledPlugin *compiled) {
    char *error = NULL;
    ExtismPlugin *plugin = extism_plugin_new_from_compiled(compiled, &error);
    if (!plugin) die("instance", error);
    return plugin;
}

static double fresh(const ExtismCompiledPlugin *compiled, const char *function, struct bytes input) {
    static double samples[SAMPLES];
    for (int sample = 0; sample < SAMPLES; sample++) {
        double began = now_us();
        for (int i = 0; i < CALLS; i++) {
            ExtismPlugin *plugin = instance(compiled);
            call(plugin, function, input);
            extism_plugin_free(plugin);
        }
        samples[sample] = (now_us() - began) / CALLS;
    }
    return median(samples, SAMPLES);
}

static double reused(const ExtismCompiledPlugin *compiled, const char *function, struct bytes input) {
    static double samples[SAMPLES];
    ExtismPlugin *plugin = instance(compiled);
    for (int sample = 0; sample < SAMPLES; sample++) {
        double began = now_us();
        for (int i = 0; i < CALLS; i++) call(plugin, function, input);
        samples[sample] = (now_us() - began) / CALLS;
    }
    extism_plugin_free(plugin);
    return median(samples, SAMPLES);
}

static ExtismCompiledPlugin *compile(struct bytes wasm, bool with_fuel) {
    char *error = NULL;
    ExtismCompiledPlugin *compiled =
        with_fuel ? extism_compiled_plugin_new_with_fuel_limit(wasm.data, wasm.size, NULL, 0, false, FUEL, &error)
                  : extism_compiled_plugin_new(wasm.data, wasm.size, NULL, 0, false, &error);
    if (!compiled) die("compile", error);
    return compiled;
}

static void measure(const char *name, struct bytes wasm, struct bytes event, bool with_fuel) {
    double samples[COMPILES];
    for (int sample = 0; sample < COMPILES; sample++) {
        double began = now_us();
        extism_compiled_plugin_free(compile(wasm, with_fuel));
        samples[sample] = now_us() - began;
    }
    printf("%-22s compile %9.0f us\n", name, median(samples, COMPILES));
    ExtismCompiledPlugin *compiled = compile(wasm, with_fuel);
    struct bytes nothing = {(uint8_t *)"{}", 2};
    printf("%-22s fresh   empty %7.1f us   map %7.1f us\n", name, fresh(compiled, "empty", nothing),
           fresh(compiled, "map", event));
    printf("%-22s reused  empty %7.1f us   map %7.1f us\n", name, reused(compiled, "empty", nothing),
           reused(compiled, "map", event));
    extism_compiled_plugin_free(compiled);
}

int main(int argc, char **argv) {
    if (argc != 3) die("usage", "bench PLUGIN.wasm EVENT.json");
    struct bytes wasm = slurp(argv[1]), event = slurp(argv[2]);
    ExtismCompiledPlugin *compiled = compile(wasm, false);
    ExtismPlugin *plugin = instance(compiled);
    printf("extism %s; event %llu bytes, answer %llu bytes\n", extism_version(), (unsigned long long)event.size,
           (unsigned long long)call(plugin, "map", event));
    extism_plugin_free(plugin);
    extism_compiled_plugin_free(compiled);
    measure("as it comes (epoch)", wasm, event, false);
    measure("and a fuel limit", wasm, event, true);
    return 0;
}
