#include "backends.hpp"

#include "memory_backend.hpp"
#include "notifier_backends.hpp"
#include "postgres_backend.hpp"
#include "sqlite_backend.hpp"

namespace tradeguard::contract {

const std::vector<StoreBackend>& store_backends() {
  static const std::vector<StoreBackend> backends{
      {"memory", fresh_memory_store},
      {"sqlite", fresh_sqlite_store},
      {"postgres", fresh_postgres_store},
  };
  return backends;
}

const std::vector<NotifierBackend>& notifier_backends() {
  static const std::vector<NotifierBackend> backends{
      {"memory", fresh_memory_notifier},
      {"printing", fresh_printing_notifier},
      {"file", fresh_file_notifier},
      {"telegram", fresh_telegram_notifier},
  };
  return backends;
}

}  // namespace tradeguard::contract
