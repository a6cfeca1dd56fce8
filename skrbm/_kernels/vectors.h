/* Vector code for several instruction sets, of which the processor's is chosen at run time. */
#ifndef SKRBM_VECTORS_H
#define SKRBM_VECTORS_H

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12 && defined(__x86_64__) && \
    defined(__gnu_linux__)
#define KERNEL_HAS_CLONES
#define KERNEL __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"))) static
#else
#define KERNEL static
#endif
#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

/* Whether vectors have 64 bytes; if so, these loops multiply faster than the BLAS. */
INLINE int has_wide_vectors(void) {
#if defined(__AVX512F__)
    return 1;
#elif defined(KERNEL_HAS_CLONES)
    return __builtin_cpu_supports("x86-64-v4");
#else
    return 0;
#endif
}

#if defined(__GNUC__) && !defined(__clang__)
#define UNROLL _Pragma("GCC unroll 8")
#else
#define UNROLL
#endif

#endif
