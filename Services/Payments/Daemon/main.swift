import CrashList
import Payments
import MartletDaemon

await Daemon.run(PaymentsService.self, crashPoints: CrashPointNames.all)
