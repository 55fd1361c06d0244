import Catalog
import CrashList
import MartletDaemon

await Daemon.run(CatalogService.self, crashPoints: CrashPointNames.all)
