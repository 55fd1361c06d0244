import CrashList
import Inventory
import MartletDaemon

await Daemon.run(InventoryService.self, crashPoints: CrashPointNames.all)
