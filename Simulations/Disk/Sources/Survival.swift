public import MartletCore

/// Which unsynced writes survive a power loss.
///
/// Synced writes always survive. Creations and deletions of files count as unsynced until their folder is synced.
public enum Survival: Sendable, CaseIterable {
    /// None.
    case nothing
    /// All.
    case everything
    /// The first writes, in their order, up to a random one that may be torn.
    case prefix
    /// Random sectors of random writes, as on a disk that reorders writes; some of them torn.
    case subset

    /// A random one.
    public static func any(_ entropy: any Entropy) -> Survival {
        allCases[Int(entropy.number(below: UInt64(allCases.count)))]
    }
}

/// Decides which part of each write survives.
struct Survivors {
    private enum Rule {
        case nothing, everything
        /// The change with this number is torn, those before it survive.
        case upTo(Int)
        /// This many of 16 sectors survive.
        case share(UInt64)
    }

    private static let smallSectorBytes = 512

    private let rule: Rule
    private let entropy: any Entropy
    private(set) var lostSectors = 0
    private(set) var survivingSectors = 0
    private(set) var tornSectors = 0

    /// - Parameter changes: The numbers of all changes that have not been synced, in order.
    init(_ survival: Survival, of changes: [Int], entropy: any Entropy) {
        self.entropy = entropy
        switch survival {
        case .nothing: rule = .nothing
        case .everything: rule = .everything
        case .prefix:
            let chosen = Int(entropy.number(below: UInt64(changes.count + 1)))
            rule = chosen < changes.count ? .upTo(changes[chosen]) : .everything
        case .subset: rule = .share(entropy.number(below: 17))
        }
    }

    /// How many bytes from the beginning of a piece of a write survive.
    mutating func survivingBytes(of count: Int, number: Int) -> Int {
        let surviving =
            switch rule {
            case .nothing: 0
            case .everything: count
            case .upTo(let torn): number < torn ? count : number == torn ? tornBytes(of: count) : 0
            case .share(let share):
                if entropy.number(below: 16) >= share {
                    0
                } else {
                    entropy.number(below: 16) == 0 ? tornBytes(of: count) : count
                }
            }
        switch surviving {
        case 0: lostSectors += 1
        case count: survivingSectors += 1
        default: tornSectors += 1
        }
        return surviving
    }

    /// Whether a name's creation or deletion survives.
    mutating func nameSurvives() -> Bool {
        switch rule {
        case .nothing: false
        case .everything: true
        case .upTo, .share: entropy.number(below: 2) == 0
        }
    }

    /// A write is torn at a boundary of small sectors, or anywhere.
    private func tornBytes(of count: Int) -> Int {
        if entropy.number(below: 2) == 0 { return Int(entropy.number(below: UInt64(count + 1))) }
        let sectors = entropy.number(below: UInt64(count / Self.smallSectorBytes + 1))
        return Int(sectors) * Self.smallSectorBytes
    }
}
