import CrashList
import MartletDaemon
import Orders

await Daemon.run(OrdersService.self, crashPoints: CrashPointNames.all)
