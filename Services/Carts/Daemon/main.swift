import Carts
import CrashList
import MartletDaemon

await Daemon.run(CartsService.self, crashPoints: CrashPointNames.all)
