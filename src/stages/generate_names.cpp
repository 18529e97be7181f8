// The names that `generate` gives: topics and companies. None of a real company is meant.
#include "generate_content.hpp"
#include "generate_population.hpp"

#include "generate_random.hpp"

#include <array>
#include <span>

namespace ipscore::stages::generating {

namespace {

constexpr std::array<std::string_view, 72> topics{"cloud computing",
                                                  "cyber security",
                                                  "finance",
                                                  "sport",
                                                  "travel",
                                                  "marketing",
                                                  "data analytics",
                                                  "health",
                                                  "automotive",
                                                  "human resources",
                                                  "food, drink & recipes",
                                                  "café & restaurants",
                                                  "machine learning",
                                                  "real estate",
                                                  "fashion",
                                                  "e-commerce",
                                                  "politics",
                                                  "gaming",
                                                  "logistics",
                                                  "insurance",
                                                  "music",
                                                  "networking",
                                                  "education",
                                                  "home & garden",
                                                  "software development",
                                                  "manufacturing",
                                                  "film & television",
                                                  "renewable energy",
                                                  "parenting",
                                                  "accounting",
                                                  "fitness",
                                                  "supply chain",
                                                  "banking",
                                                  "photography",
                                                  "enterprise storage",
                                                  "legal services",
                                                  "pets",
                                                  "telecommunications",
                                                  "recruiting",
                                                  "weather",
                                                  "customer relations",
                                                  "construction",
                                                  "books",
                                                  "open source",
                                                  "biotechnology",
                                                  "beauty",
                                                  "payments",
                                                  "aviation",
                                                  "local news",
                                                  "video conferencing",
                                                  "procurement",
                                                  "celebrities",
                                                  "agriculture",
                                                  "robotics",
                                                  "retail technology",
                                                  "luxury goods",
                                                  "science",
                                                  "pharmaceuticals",
                                                  "hotels",
                                                  "internet of things",
                                                  "venture capital",
                                                  "outdoor & camping",
                                                  "electric vehicles",
                                                  "tax advice",
                                                  "digital advertising",
                                                  "semiconductors",
                                                  "non-profit",
                                                  "shipping",
                                                  "mental health",
                                                  "industrial safety",
                                                  "cycling",
                                                  "quantum computing"};

constexpr std::array<std::string_view, 64> company_words{
    "Northwind",   "Acme",        "Bluebird",   "Stonebridge", "Silverline",  "Redwood",   "Harbor",
    "Summit",      "Evergreen",   "Ironclad",   "Lakeside",    "Maplewood",   "Orchard",   "Pinnacle",
    "Quarry",      "Riverbend",   "Sunfield",   "Thornhill",   "Upland",      "Valley",    "Westgate",
    "Yellowtail",  "Zephyr",      "Amberley",   "Birchwood",   "Copperfield", "Driftwood", "Eastmoor",
    "Foxglove",    "Granite",     "Hawthorn",   "Inkwell",     "Juniper",     "Kestrel",   "Lantern",
    "Meridian",    "Nightingale", "Oakham",     "Paragon",     "Quillon",     "Rosewood",  "Saffron",
    "Tamarack",    "Umber",       "Vantage",    "Willow",      "Xenon",       "Yarrow",    "Alder",
    "Brightwater", "Cedar",       "Dovetail",   "Ember",       "Falcon",      "Glacier",   "Heron",
    "Ivory",       "Jasper",      "Kingfisher", "Larkspur",    "Müller",      "Nørdal",    "Ostermann",
    "Piñon"};

constexpr std::array<std::string_view, 24> business_words{
    "Logistics",   "Foods",      "Insurance", "Motors",    "Textiles",   "Pharma",
    "Engineering", "Consulting", "Retail",    "Energy",    "Robotics",   "Media",
    "Partners",    "Bank",       "Airlines",  "Hospitals", "University", "Furniture",
    "Chemicals",   "Software",   "Packaging", "Shipping",  "Estates",    "Instruments"};
constexpr std::array<std::string_view, 6> isp_words{"Telecom",  "Broadband", "Fibre",
                                                    "Networks", "Cable",     "Internet"};
constexpr std::array<std::string_view, 5> hosting_words{"Cloud", "Hosting", "Data Centers", "Servers",
                                                        "Compute"};
constexpr std::array<std::string_view, 3> vpn_words{"VPN", "Privacy", "Tunnel"};
constexpr std::array<std::string_view, 4> mobile_words{"Mobile", "Wireless", "Cellular", "Roaming"};

constexpr std::array<std::string_view, 8> company_forms{"",       ", Inc.", " GmbH", " Ltd",
                                                        " Group", " AG",    " SA",   ", LLC"};

std::span<const std::string_view> second_words(NetworkType type) {
    switch (type) {
    case NetworkType::business:
        return business_words;
    case NetworkType::isp:
        return isp_words;
    case NetworkType::hosting:
        return hosting_words;
    case NetworkType::vpn:
        return vpn_words;
    case NetworkType::mobile:
        return mobile_words;
    }
    return business_words;
}

} // namespace

std::string tag_name(std::uint32_t tag) {
    std::string name(topics[tag % topics.size()]);
    const std::size_t round = tag / topics.size();
    if (round > 0) name += " " + std::to_string(round + 1);
    return name;
}

std::string company_name(NetworkType type, std::uint64_t company) {
    const std::span<const std::string_view> seconds = second_words(type);
    const std::uint64_t first = company % company_words.size();
    const std::uint64_t rest = company / company_words.size();
    const std::uint64_t second = (rest + first) % seconds.size();
    // Each pair of words starts with a form of its own, and meets the others before a number is needed.
    const std::uint64_t round = rest / seconds.size();
    const std::uint64_t form = (mixed(first << 8 | second) + round) % company_forms.size();
    std::string name(company_words[first]);
    name.append(" ").append(seconds[second]);
    if (const std::uint64_t number = round / company_forms.size(); number > 0)
        name += " " + std::to_string(number + 1);
    return name.append(company_forms[form]);
}

} // namespace ipscore::stages::generating
