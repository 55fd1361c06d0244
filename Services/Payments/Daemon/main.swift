import CrashList
import MartletDaemon
import Payments

await Daemon.run(PaymentsService.self, crashPoints: CrashPointNames.all)
