// What cuda.h declares: the threads of a block, what they wait for, and what went wrong.
#include "cuda.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <random>
#include <vector>

#include "fibers.h"

dim3 threadIdx, blockIdx, blockDim, gridDim;
extern "C" char __attribute__((weak)) __start_cuda_shared[], __stop_cuda_shared[];

namespace cuda_host {

constexpr int LANES = 32;
enum class State { ready, at_barrier, in_warp, done };

struct Thread {
    fibers::Fiber fiber;
    dim3 index;
    State state;
    const char* file;
    int line;
    unsigned mask;
    int shuffles;
    char given[2][32];  // one shuffle ahead at most: two places
};

static std::vector<Thread> threads;
static int running;
static fibers::Fiber scheduler;
static char fault[400];
static void (*body)(void**);
static void** arguments;

static void pause(State state)
{
    threads[running].state = state;
    fibers::change(threads[running].fiber, scheduler);
}

void wait_for_block(const char* file, int line)
{
    threads[running].file = file;
    threads[running].line = line;
    pause(State::at_barrier);
}

void wait_for_warp(unsigned mask)
{
    threads[running].mask = mask;
    pause(State::in_warp);
}

int lane() { return running % LANES; }

static int give(unsigned mask, const void* mine, int bytes)
{
    Thread& me = threads[running];
    const int turn = me.shuffles++ % 2;
    std::memcpy(me.given[turn], mine, bytes);
    wait_for_warp(mask);
    return turn;
}

unsigned long long exchange(unsigned mask, unsigned long long bits, int source)
{
    const int turn = give(mask, &bits, sizeof bits), warp = running / LANES * LANES;
    if (source >= 0 && source < LANES && mask >> source & 1)
        std::memcpy(&bits, threads[warp + source].given[turn], sizeof bits);
    return bits;
}

void exchange_all(unsigned mask, const void* mine, int bytes, void* all)
{
    const int turn = give(mask, mine, bytes), warp = running / LANES * LANES;
    for (int l = 0; l < LANES; ++l)
        std::memcpy(static_cast<char*>(all) + l * bytes, threads[warp + l].given[turn], bytes);
}

// GCC's sanitizer would see writes between the shared variables, where its red zones are.
__attribute__((no_sanitize("address", "undefined"), optimize("no-tree-loop-distribute-patterns")))
static void poison_shared()
{
    for (volatile char* p = __start_cuda_shared; p && p < __stop_cuda_shared; ++p) *p = char(0xff);
}

static void enter()
{
    body(arguments);
    pause(State::done);
}

static bool release_warps()
{
    bool released = false;
    const int n = int(threads.size());
    for (int t = 0; t < n; ++t) {
        if (threads[t].state != State::in_warp) continue;
        const int warp = t / LANES * LANES;
        const unsigned mask = threads[t].mask;
        bool all = true;
        for (int l = 0; l < LANES; ++l)
            if (mask >> l & 1)
                all = all && warp + l < n && threads[warp + l].state == State::in_warp
                    && threads[warp + l].mask == mask;
        if (!all) continue;
        for (int l = 0; l < LANES; ++l)
            if (mask >> l & 1) threads[warp + l].state = State::ready;
        released = true;
    }
    return released;
}

// Lets the threads that wait for the block go on; false, with `fault`, if they never can.
static bool release_block()
{
    const Thread* waits = nullptr;
    for (const Thread& t : threads) {
        if (t.state == State::in_warp) {
            std::snprintf(fault, sizeof fault, "a shuffle or __syncwarp of mask %08x waits for lanes "
                "that never come: thread %u of block %u", t.mask, t.index.x, blockIdx.x);
            return false;
        }
        if (t.state == State::at_barrier) waits = &t;
    }
    for (const Thread& t : threads) {
        const bool same = t.state == State::at_barrier && t.line == waits->line && t.file == waits->file;
        if (same) continue;
        int written = std::snprintf(fault, sizeof fault, "divergent barrier: thread %u waits at %s:%d, ",
            waits->index.x, waits->file, waits->line);
        if (t.state == State::done)
            std::snprintf(fault + written, sizeof fault - written, "thread %u has ended", t.index.x);
        else
            std::snprintf(fault + written, sizeof fault - written, "thread %u at %s:%d", t.index.x,
                t.file, t.line);
        return false;
    }
    for (Thread& t : threads) t.state = State::ready;
    return true;
}

static bool run_block(const std::vector<int>& order)
{
    const int n = int(threads.size());
    char* stacks = fibers::stacks(n);
    poison_shared();
    for (int t = 0; t < n; ++t) {
        Thread& thread = threads[t];
        thread.state = State::ready;
        thread.shuffles = 0;
        thread.index = {t % blockDim.x, t / blockDim.x % blockDim.y, t / blockDim.x / blockDim.y};
        fibers::start(thread.fiber, stacks + t * fibers::STACK, enter);
    }
    for (;;) {
        for (int t : order) {
            if (threads[t].state != State::ready) continue;
            running = t;
            threadIdx = threads[t].index;
            fibers::change(scheduler, threads[t].fiber);
        }
        auto is_done = [](const Thread& t) { return t.state == State::done; };
        if (std::all_of(threads.begin(), threads.end(), is_done)) return true;
        if (!release_warps() && !release_block()) return false;
    }
}

// order: 0 forward, 1 backward, otherwise the seed of a shuffle of threads and of blocks.
static std::vector<int> ordered(int n, unsigned order)
{
    std::vector<int> all(n);
    for (int i = 0; i < n; ++i) all[i] = order == 1 ? n - 1 - i : i;
    if (order > 1) std::shuffle(all.begin(), all.end(), std::mt19937(order));
    return all;
}

const char* launch(
    void (*kernel)(void**), const unsigned* grid, const unsigned* block, void** values, unsigned order)
{
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {block[0], block[1], block[2]};
    body = kernel;
    arguments = values;
    threads.resize(block[0] * block[1] * block[2]);
    const std::vector<int> within = ordered(int(threads.size()), order);
    for (int b : ordered(int(grid[0] * grid[1] * grid[2]), order)) {
        blockIdx = {b % grid[0], b / grid[0] % grid[1], b / grid[0] / grid[1]};
        if (!run_block(within)) return fault;
    }
    return nullptr;
}

}  // namespace cuda_host
