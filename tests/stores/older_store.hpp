// A store as an older program made it: what later versions added is taken away again.
#pragma once

#include <string>
#include <vector>

namespace tradeguard::stores {

inline std::vector<std::string> statements_back_to(int version) {
  std::vector<std::string> statements{"DROP INDEX exchange_orders_absent", "DROP INDEX exchange_orders_absent_day",
                                      "ALTER TABLE exchange_orders DROP COLUMN ending"};
  const auto also = [&](std::vector<std::string> more) {
    statements.insert(statements.end(), more.begin(), more.end());
  };
  also({"DROP TABLE exit_words", "DROP INDEX exchange_orders_forced", "DROP INDEX exchange_orders_spent",
        "DROP INDEX decisions_last", "DROP INDEX alarms_cleared", "ALTER TABLE exchange_orders DROP COLUMN free_base",
        "ALTER TABLE exchange_orders DROP COLUMN signal_at", "ALTER TABLE exchange_orders DROP COLUMN covered_at",
        "ALTER TABLE exchange_orders DROP COLUMN exit_key", "ALTER TABLE exchange_orders DROP COLUMN target_none",
        "ALTER TABLE accounts DROP COLUMN breaker_reset_at", "ALTER TABLE accounts DROP COLUMN quiet_until",
        "ALTER TABLE accounts DROP COLUMN quiet_status", "ALTER TABLE accounts DROP COLUMN notify_quiet_until",
        "ALTER TABLE signal_claims DROP COLUMN decided"});
  if (version < 2)
    also({"DROP TABLE instrument_rules", "UPDATE exchange_orders SET rules = replace(rules, ' stop_market=1', '')"});
  also({"UPDATE tradeguard_meta SET value = '" + std::to_string(version) + "' WHERE key = 'schema_version'"});
  return statements;
}

}  // namespace tradeguard::stores
