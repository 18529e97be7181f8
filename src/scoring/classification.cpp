#include "ipscore/scoring/classification.hpp"

#include "ipscore/core/error.hpp"

#include <limits>

namespace ipscore::scoring {

std::vector<std::string_view> Classification::tag_names() const {
    std::vector<std::string_view> names;
    names.reserve(tags.size());
    for (std::size_t i = 0; i < tags.size(); ++i) names.push_back(tags[i]);
    return names;
}

PostingLists resolve_postings(const Classification& classification, const ByteStrings& dictionary) {
    PostingLists lists;
    lists.offsets.reserve(dictionary.size() + 1);
    std::size_t classified = 0;
    for (std::size_t key = 0; key < dictionary.size(); ++key) {
        const std::string_view text = dictionary[key];
        while (classified < classification.keys.size() && classification.keys[classified] < text)
            ++classified;
        if (classified < classification.keys.size() && classification.keys[classified] == text) {
            const auto first = classification.postings.begin();
            lists.postings.insert(
                lists.postings.end(), first + static_cast<std::ptrdiff_t>(classification.offsets[classified]),
                first + static_cast<std::ptrdiff_t>(classification.offsets[classified + 1]));
        }
        if (lists.postings.size() > std::numeric_limits<std::uint32_t>::max()) {
            throw InputError("classification: more than 4294967295 (key, tag) pairs match the table's keys; "
                             "split the classification over several runs");
        }
        lists.offsets.push_back(static_cast<std::uint32_t>(lists.postings.size()));
    }
    return lists;
}

} // namespace ipscore::scoring
