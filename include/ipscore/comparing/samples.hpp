// Some of the rows that differ, for people to look at.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace ipscore::comparing {

/// One row, or what both sides have under one key.
struct Sample {
    std::string key = {}; ///< as bytes that order as the rows do
    double measure = 0;   ///< how bad it is
    std::vector<std::string> key_texts = {};
    std::vector<std::string> before = {}; ///< by value column; empty when the old side has no such row
    std::vector<std::string> now = {};
    std::size_t rows_before = 1; ///< more when the key is not the only one of its kind
    std::size_t rows_now = 1;
};

/// The first ones by key, and the worst ones. Which these are does not depend on the order in which they are
/// offered, for no two have the same key.
class Samples {
public:
    explicit Samples(std::size_t each) : each_(each) {}

    /// `make()` is called when the sample is one to keep.
    template <class Make>
    void offer(std::string_view key, double measure, Make make) {
        const bool is_first = each_ > 0 && (first_.size() < each_ || key < first_.back().key);
        const bool is_worst =
            each_ > 0 && (worst_.size() < each_ || comes_before(measure, key, worst_.back()));
        if (!is_first && !is_worst) return;
        Sample sample = make();
        sample.key = key;
        sample.measure = measure;
        if (is_worst) keep(worst_, sample, [](const Sample& a, const Sample& b) { return is_worse(a, b); });
        if (is_first)
            keep(first_, std::move(sample), [](const Sample& a, const Sample& b) { return a.key < b.key; });
    }
    void add(const Samples& other) {
        for (const auto* list : {&other.first_, &other.worst_}) {
            for (const Sample& sample : *list) {
                const bool known = std::ranges::find(first_, sample.key, &Sample::key) != first_.end() ||
                                   std::ranges::find(worst_, sample.key, &Sample::key) != worst_.end();
                if (!known) offer(sample.key, sample.measure, [&] { return sample; });
            }
        }
    }

    [[nodiscard]] const std::vector<Sample>& first() const noexcept { return first_; } ///< by key
    [[nodiscard]] const std::vector<Sample>& worst() const noexcept { return worst_; } ///< worst first

private:
    static bool comes_before(double measure, std::string_view key, const Sample& other) noexcept {
        return measure != other.measure ? measure > other.measure : key < other.key;
    }
    static bool is_worse(const Sample& a, const Sample& b) noexcept {
        return comes_before(a.measure, a.key, b);
    }

    template <class Order>
    void keep(std::vector<Sample>& list, Sample sample, Order order) {
        list.insert(std::ranges::upper_bound(list, sample, order), std::move(sample));
        if (list.size() > each_) list.pop_back();
    }

    std::size_t each_;
    std::vector<Sample> first_;
    std::vector<Sample> worst_;
};

} // namespace ipscore::comparing
