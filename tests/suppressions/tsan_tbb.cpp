// Tells ThreadSanitizer what TBB orders. Debian's libtbb is not instrumented, so a task that reads what its
// spawner wrote, and a caller that reads what its tasks wrote, look like races. tests/run.sh preloads this
// into the tests of the preset tsan; it covers the algorithms that spawn and wait (parallel_for,
// parallel_reduce, parallel_invoke, parallel_sort, task_group) and task_arena::execute, not pipelines and
// flow graphs.
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <dlfcn.h>

// Weak: the library is also loaded into ctest, python and others that have no ThreadSanitizer.
extern "C" void __tsan_acquire(void* address) __attribute__((weak));
extern "C" void __tsan_release(void* address) __attribute__((weak));

namespace {

void acquire(void* address) {
    if (__tsan_acquire != nullptr) __tsan_acquire(address);
}

void release(void* address) {
    if (__tsan_release != nullptr) __tsan_release(address);
}

/// The function of libtbb that the exported one of this name hides.
template <class Function>
Function* next(const char* mangled_name) {
    return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, mangled_name));
}

namespace d1 = tbb::detail::d1;

/// Runs another task after whatever its spawner did before it spawned it.
class OrderedTask final : public d1::task {
public:
    explicit OrderedTask(d1::task& inner) : inner_(inner) { release(&inner_); }

    d1::task* execute(d1::execution_data& data) override {
        acquire(&inner_);
        d1::task* following = inner_.execute(data);
        delete this;
        return following;
    }

    d1::task* cancel(d1::execution_data& data) override {
        acquire(&inner_);
        d1::task* following = inner_.cancel(data);
        delete this;
        return following;
    }

private:
    d1::task& inner_;
};

/// Runs a function of task_arena::execute, which another thread may do, in order with its caller.
class OrderedDelegate final : public d1::delegate_base {
public:
    explicit OrderedDelegate(d1::delegate_base& inner) : inner_(inner) { release(this); }

    bool operator()() const override {
        acquire(const_cast<OrderedDelegate*>(this));
        const bool result = inner_();
        release(const_cast<OrderedDelegate*>(this));
        return result;
    }

private:
    d1::delegate_base& inner_;
};

/// The tasks have counted the context's second word down with an atomic that ThreadSanitizer saw; the wait it
/// did not see.
void acquire_waited(d1::wait_context& waited) {
    static_assert(sizeof(d1::wait_context) == 2 * sizeof(std::uint64_t));
    acquire(reinterpret_cast<std::uint64_t*>(&waited) + 1);
}

} // namespace

namespace tbb::detail::r1 {

TBB_EXPORT void spawn(d1::task& task, d1::task_group_context& context) {
    static auto* const spawn_of_tbb = next<void(d1::task&, d1::task_group_context&)>(
        "_ZN3tbb6detail2r15spawnERNS0_2d14taskERNS2_18task_group_contextE");
    spawn_of_tbb(*new OrderedTask(task), context);
}

TBB_EXPORT void spawn(d1::task& task, d1::task_group_context& context, d1::slot_id slot) {
    static auto* const spawn_of_tbb = next<void(d1::task&, d1::task_group_context&, d1::slot_id)>(
        "_ZN3tbb6detail2r15spawnERNS0_2d14taskERNS2_18task_group_contextEt");
    spawn_of_tbb(*new OrderedTask(task), context, slot);
}

TBB_EXPORT void execute_and_wait(d1::task& task, d1::task_group_context& task_context,
                                 d1::wait_context& waited, d1::task_group_context& wait_context) {
    static auto* const execute_of_tbb =
        next<void(d1::task&, d1::task_group_context&, d1::wait_context&, d1::task_group_context&)>(
            "_ZN3tbb6detail2r116execute_and_waitERNS0_2d14taskERNS2_18task_group_contextERNS2_12wait_"
            "contextES6_");
    execute_of_tbb(task, task_context, waited, wait_context);
    acquire_waited(waited);
}

TBB_EXPORT void wait(d1::wait_context& waited, d1::task_group_context& context) {
    static auto* const wait_of_tbb = next<void(d1::wait_context&, d1::task_group_context&)>(
        "_ZN3tbb6detail2r14waitERNS0_2d112wait_contextERNS2_18task_group_contextE");
    wait_of_tbb(waited, context);
    acquire_waited(waited);
}

TBB_EXPORT void execute(d1::task_arena_base& arena, d1::delegate_base& function) {
    static auto* const execute_of_tbb = next<void(d1::task_arena_base&, d1::delegate_base&)>(
        "_ZN3tbb6detail2r17executeERNS0_2d115task_arena_baseERNS2_13delegate_baseE");
    OrderedDelegate ordered(function);
    execute_of_tbb(arena, ordered);
    acquire(&ordered);
}

} // namespace tbb::detail::r1
