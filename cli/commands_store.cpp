// The command about the store itself: init.
#include <unistd.h>

#include "commands.hpp"
#include "json.hpp"
#include "log_sink.hpp"
#include "run_marker.hpp"
#include "setup.hpp"
#include "store_files.hpp"
#include "tradeguard/sql_schema.hpp"
#include "wiring.hpp"

namespace tradeguard::cli {

int init_command(const CommandLine& line, const Pairs& environment) {
  auto setup = set_up(line, environment);
  if (!setup) return setup.error();
  const Settings& settings = (*setup)->settings();
  // Before it is made, so that nothing lies beside it then, and after, for what SQLite made through a link.
  if (const auto secure = secure_store(settings, *(*setup)->log); !secure) return say_failure(secure.error());
  auto made = make_store(settings);
  if (!made) return say_failure(made.error());
  if (const auto secure = secure_store(settings, *(*setup)->log); !secure) return say_failure(secure.error());
  const std::string url = masked_url(settings.store_url);
  switch (made->what) {
    case Made::What::held_elsewhere:
      return say_locked("the store is older than this program, and a run of " + made->holder.venue + "/" +
                        made->holder.account + " is using it; nothing was changed, try again");
    case Made::What::was_ready:
    case Made::What::now:
      break;
  }
  const bool changed = made->what == Made::What::now;
  const auto remembered =
      marker_of(settings, account_of(settings), line.config.value_or(""), environment).open_trades();
  if (changed && settings.live && remembered && *remembered > 0)
    write_whole(STDERR_FILENO,
                "tradeguard: warning: a store that was here before had " + std::to_string(*remembered) +
                    " live trades open, and this new one knows nothing of them: no run protects or sells them. "
                    "Restore a backup if there is one (docs/backup-and-move.md); else look at the exchange, and "
                    "sell or protect there what is held.\n");
  if (line.json)
    print(Json{}.field("store", url).field("schema", schema_version).field("changed", changed).text());
  else
    print(url + (changed ? " is ready" : " was ready already") + ", schema " + std::to_string(schema_version) + "\n");
  return exit_ok;
}

}  // namespace tradeguard::cli
