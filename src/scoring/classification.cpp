#include "ipscore/scoring/classification.hpp"

#include "ipscore/core/error.hpp"

#include <limits>

namespace ipscore::scoring {

ResolvedPostings resolve_postings(const std::function<bool(ClassifiedKey&)>& next_classified,
                                  const std::function<bool(std::string_view&)>& next_key,
                                  const PostingSizes& sizes,
                                  const std::function<void(std::string_view)>& see_unknown) {
    ResolvedPostings resolved;
    PostingLists& lists = resolved.lists;
    if (!sizes.count_only) {
        lists.offsets.reserve(sizes.keys + 1);
        // Growing would hold them twice for a moment; what is not used is never touched.
        lists.postings.reserve(sizes.postings_max);
    }
    ClassifiedKey classified;
    bool more = next_classified(classified);
    const auto pass_unknown = [&] {
        if (see_unknown) see_unknown(classified.key);
        more = next_classified(classified);
    };
    for (std::string_view key; next_key(key);) {
        while (more && classified.key < key) pass_unknown();
        if (more && classified.key == key) {
            resolved.postings += classified.postings.size();
            if (!sizes.count_only && resolved.postings <= sizes.postings_max) {
                lists.postings.insert(lists.postings.end(), classified.postings.begin(),
                                      classified.postings.end());
            }
            more = next_classified(classified);
        }
        if (resolved.postings > std::numeric_limits<std::uint32_t>::max()) {
            throw InputError("classification: more than 4294967295 (key, tag) pairs match the table's keys; "
                             "split the classification over several runs");
        }
        if (!sizes.count_only) lists.offsets.push_back(static_cast<std::uint32_t>(lists.postings.size()));
    }
    // What is left of the classification is read for its faults.
    while (more) pass_unknown();
    return resolved;
}

} // namespace ipscore::scoring
