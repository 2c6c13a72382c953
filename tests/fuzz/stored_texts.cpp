// Texts in the store: rules, plans and facts are read back exactly, or not at all, or shown as
// damaged.
#include "fuzz.hpp"
#include "tradeguard/notice.hpp"
#include "tradeguard/rules.hpp"

using namespace tradeguard;
using namespace tradeguard::fuzz;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(data, size);

  if (const auto rules = parse_rules(text)) {
    require(parse_rules(stored_text(*rules)) == rules, "rules are read back as they were");
    require(rules->tick.value.is_positive() && rules->step.value.is_positive(), "tick and step are positive");
  }
  if (const auto plan = parse_plan(text))
    require(parse_plan(stored_text(*plan)) == plan, "a plan is read back as it was");

  Notice notice{.event_id = std::string{text}, .type = NoticeType::order_refused};
  notice.facts = parse_facts(text);
  require(parse_facts(stored_facts(notice)) == notice.facts, "facts are read back as they were");
  notice.facts.emplace_back(std::string{text}, std::string{text});
  require(parse_facts(stored_facts(notice)) == notice.facts, "any text can be a fact");
  std::size_t lines = 1;
  for (const char c : plain_text(notice)) lines += c == '\n' ? 1 : 0;
  require(lines <= notice.facts.size() + 3, "no fact forges a line");
  return 0;
}
