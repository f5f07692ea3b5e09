// Threads of a block as stackful fibers on one OS thread: they run until they wait.
#pragma once
#include <cstddef>
#include <cstdint>
#include <sys/mman.h>
#ifndef __x86_64__
#include <ucontext.h>
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

namespace fibers {

#ifdef __SANITIZE_ADDRESS__
constexpr size_t STACK = 256 << 10;
#else
constexpr size_t STACK = 64 << 10;
#endif

inline char* stacks(int count)
{
    static char* memory = nullptr;
    static int room = 0;
    if (count > room) {
        if (memory) munmap(memory, room * STACK);
        const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
        memory = static_cast<char*>(mmap(nullptr, count * STACK, PROT_READ | PROT_WRITE, flags, -1, 0));
        room = count;
    }
#ifdef __SANITIZE_ADDRESS__
    // A block that was given up left its frames' red zones behind.
    __asan_unpoison_memory_region(memory, count * STACK);
#endif
    return memory;
}

#ifdef __x86_64__

// A fiber is its stack pointer; the registers that a call preserves lie on its stack.
using Fiber = void*;

extern "C" void cuda_host_switch(Fiber* from, Fiber to);
asm(R"(
.text
.local cuda_host_switch
.type cuda_host_switch, @function
cuda_host_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
)");

inline void start(Fiber& fiber, char* stack, void (*entry)())
{
    auto top = reinterpret_cast<uintptr_t>(stack + STACK) & ~uintptr_t(15);
    auto* words = reinterpret_cast<void**>(top) - 8;
    for (int i = 0; i < 6; ++i) words[i] = nullptr;
    words[6] = reinterpret_cast<void*>(entry);
    words[7] = nullptr;
    fiber = words;
}

inline void change(Fiber& from, Fiber& to) { cuda_host_switch(&from, to); }

#else

using Fiber = ucontext_t;

inline void start(Fiber& fiber, char* stack, void (*entry)())
{
    getcontext(&fiber);
    fiber.uc_stack.ss_sp = stack;
    fiber.uc_stack.ss_size = STACK;
    fiber.uc_link = nullptr;
    makecontext(&fiber, entry, 0);
}

inline void change(Fiber& from, Fiber& to) { swapcontext(&from, &to); }

#endif

}  // namespace fibers
