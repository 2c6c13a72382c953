// Guards and journals read their pen at every call, so one that is gone by then does not compile.
#include "tradeguard/memory_store.hpp"
#include "tradeguard/sql_store.hpp"

namespace tradeguard {

void as_it_is_meant(SqlSession& session, MemoryStore& store, const AccountKey& account) {
  const Pen pen{account, std::nullopt};
  SqlIdempotencyGuard{session, pen};
  SqlEntryHistory{session, pen};
  SqlJournal{session, pen};
  MemoryIdempotencyGuard{store, pen};
  MemoryEntryHistory{store, pen};
  MemoryJournal{store, pen};
}

#if defined(A_SQL_GUARD_KEEPS_A_TEMPORARY_PEN)
void wrong(SqlSession& session, const AccountKey& account) { SqlIdempotencyGuard{session, Pen{account, std::nullopt}}; }

#elif defined(A_SQL_HISTORY_KEEPS_A_TEMPORARY_PEN)
void wrong(SqlSession& session, const AccountKey& account) { SqlEntryHistory{session, Pen{account, std::nullopt}}; }

#elif defined(A_SQL_JOURNAL_KEEPS_A_TEMPORARY_PEN)
void wrong(SqlSession& session, const AccountKey& account) { SqlJournal{session, Pen{account, std::nullopt}}; }

#elif defined(A_MEMORY_GUARD_KEEPS_A_TEMPORARY_PEN)
void wrong(MemoryStore& store, const AccountKey& account) { MemoryIdempotencyGuard{store, Pen{account, std::nullopt}}; }

#elif defined(A_MEMORY_HISTORY_KEEPS_A_TEMPORARY_PEN)
void wrong(MemoryStore& store, const AccountKey& account) { MemoryEntryHistory{store, Pen{account, std::nullopt}}; }

#elif defined(A_MEMORY_JOURNAL_KEEPS_A_TEMPORARY_PEN)
void wrong(MemoryStore& store, const AccountKey& account) { MemoryJournal{store, Pen{account, std::nullopt}}; }

#endif

}  // namespace tradeguard
