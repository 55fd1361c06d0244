import CrashList
import Orders
import MartletDaemon

await Daemon.run(OrdersService.self, crashPoints: CrashPointNames.all)
