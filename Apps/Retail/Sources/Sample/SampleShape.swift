import Console

/// Values with integer weights.
struct SampleWeights<Value: Sendable>: Sendable {
    private let values: [Value]
    private let sums: [Int]

    /// - Parameter pairs: At least one; weights at least 1.
    init(_ pairs: [(Value, Int)]) {
        values = pairs.map(\.0)
        var sum = 0
        sums = pairs.map { pair in
            sum += pair.1
            return sum
        }
    }

    func draw(_ dice: inout SeededDice) -> Value {
        let mark = dice.below(sums[sums.count - 1])
        var low = 0
        var high = sums.count - 1
        while low < high {
            let middle = (low + high) / 2
            if sums[middle] > mark { high = middle } else { low = middle + 1 }
        }
        return values[low]
    }
}

/// A distribution given by its quantiles, with linear interpolation.
struct SampleQuantiles: Sendable {
    private let points: [(permille: Int, value: Int)]

    /// - Parameter points: Ascending, from permille 0 to permille 1000.
    init(_ points: [(permille: Int, value: Int)]) { self.points = points }

    func draw(_ dice: inout SeededDice) -> Int {
        let mark = dice.below(1_000_000)
        for (before, after) in zip(points, points.dropFirst()) where mark < after.permille * 1000 {
            let part = mark - before.permille * 1000
            let width = (after.permille - before.permille) * 1000
            return before.value + (after.value - before.value) * part / width
        }
        return points[points.count - 1].value
    }
}

/// The distributions of half a year of real invoices, counted from the public data set.
enum SampleShape {
    enum Event: Sendable {
        case sale, cancellation, loss, found, note, adjustment
    }

    static let events = SampleWeights<Event>([
        (.sale, 8126), (.cancellation, 1677), (.loss, 651), (.found, 325), (.note, 8), (.adjustment, 1),
    ])

    static let customersLines = SampleQuantiles([
        (0, 1), (70, 1), (100, 2), (250, 6), (500, 14), (750, 26), (900, 44), (950, 58), (990, 93), (999, 161),
        (1000, 294),
    ])
    static let guestsLines = SampleQuantiles([
        (0, 1), (130, 1), (250, 3), (320, 6), (500, 39), (750, 121), (900, 195), (950, 300), (990, 570), (1000, 676),
    ])

    /// The quantity that a customer buys of one code, by the price in mills.
    static func customersQuantity(price: Int64) -> SampleWeights<Int> {
        switch price {
        case ...1000: cheapest
        case ...2000: cheap
        case ...4000: middling
        case ...8000: expensive
        default: mostExpensive
        }
    }

    private static let cheapest = SampleWeights([
        (12, 233), (24, 162), (1, 99), (2, 75), (25, 60), (6, 47), (3, 42), (10, 39), (48, 37), (4, 34), (5, 20),
        (36, 19), (8, 17), (16, 15), (20, 13), (96, 11),
    ])
    private static let cheap = SampleWeights([
        (12, 254), (1, 142), (2, 112), (10, 96), (6, 66), (24, 56), (3, 54), (4, 48), (8, 36), (5, 21), (20, 17),
        (48, 13), (16, 10), (36, 8),
    ])
    private static let middling = SampleWeights([
        (6, 230), (1, 198), (2, 131), (4, 109), (12, 85), (3, 62), (8, 39), (10, 31), (5, 29), (24, 20), (48, 8),
        (32, 6), (18, 6),
    ])
    private static let expensive = SampleWeights([
        (2, 252), (1, 231), (3, 158), (4, 145), (6, 74), (12, 32), (10, 24), (8, 21), (24, 12), (5, 11),
    ])
    private static let mostExpensive = SampleWeights([
        (2, 381), (1, 360), (4, 91), (3, 49), (6, 33), (8, 20), (16, 17), (12, 13), (5, 9),
    ])
    static let guestsQuantity = SampleWeights([
        (1, 575), (2, 178), (3, 75), (4, 47), (5, 28), (6, 26), (8, 12), (7, 11), (10, 9), (9, 7), (12, 8), (11, 5),
        (24, 3), (15, 3), (26, 2), (50, 1),
    ])

    /// The factor on the quantities of an order: short orders are those of wholesalers.
    static func wholesale(lines: Int) -> SampleWeights<Int> {
        switch lines {
        case 1: single
        case 2...5: few
        case 6...15: some
        case 16...40: many
        default: most
        }
    }

    private static let single = SampleWeights([(1, 8), (2, 14), (5, 28), (10, 28), (25, 18), (60, 4)])
    private static let few = SampleWeights([(1, 10), (2, 30), (4, 34), (8, 20), (16, 6)])
    private static let some = SampleWeights([(1, 560), (2, 330), (4, 80), (10, 25), (25, 5)])
    private static let many = SampleWeights([(1, 940), (2, 25), (4, 22), (10, 11), (20, 2)])
    private static let most = SampleWeights([(1, 975), (4, 15), (10, 10)])

    /// List prices in mills.
    static let prices = SampleWeights<Int64>([
        (1250, 150), (850, 115), (2950, 65), (420, 60), (1650, 72), (3750, 44), (2550, 48), (2100, 50), (4950, 34),
        (1950, 37), (4250, 27), (5950, 24), (7950, 22), (650, 20), (1450, 19), (9950, 12), (390, 9), (8500, 10),
        (12_750, 8), (210, 5), (290, 5), (1690, 8), (6750, 7), (3950, 7), (8950, 6), (6950, 6), (16_950, 3),
        (190, 2), (550, 5), (6350, 5), (4650, 5), (3250, 4), (5450, 4), (120, 1), (14_950, 4), (790, 4), (18_000, 1),
        (24_950, 1), (39_950, 1),
    ])

    static let countries = SampleWeights([
        ("United Kingdom", 6680), ("Germany", 177), ("France", 149), ("EIRE", 93), ("Belgium", 40),
        ("Netherlands", 35), ("Spain", 31), ("Australia", 26), ("Portugal", 24), ("Switzerland", 20), ("Italy", 13),
        ("Sweden", 13), ("Finland", 13), ("Japan", 11), ("Poland", 9), ("Channel Islands", 9), ("Cyprus", 9),
        ("Austria", 9), ("Norway", 8), ("Lithuania", 4), ("Denmark", 4), ("Hong Kong", 4), ("Singapore", 4),
        ("Iceland", 3), ("Bahrain", 3), ("Israel", 3), ("Greece", 3), ("Unspecified", 3), ("Canada", 2),
        ("Lebanon", 1), ("Saudi Arabia", 1), ("Czech Republic", 1), ("Brazil", 1), ("USA", 1),
    ])

    static let cancelledLines = SampleQuantiles([
        (0, 1), (500, 1), (750, 3), (900, 6), (950, 9), (990, 24), (1000, 48),
    ])
    static let cancelledUnits = SampleWeights([(1, 45), (2, 20), (3, 10), (4, 8), (6, 8), (12, 6), (24, 3)])
    static let cancelledServices = SampleWeights<(code: String, isGuest: Bool)>([
        (("M", false), 72), (("POST", false), 42), (("S", true), 42), (("M", true), 31), (("D", false), 28),
        (("AMAZONFEE", true), 15), (("BANK CHARGES", true), 13), (("POST", true), 12), (("C2", false), 1),
        (("DOT", true), 1),
    ])

    static let lostUnits = SampleQuantiles([
        (0, 1), (100, 2), (250, 6), (500, 21), (750, 61), (900, 178), (950, 524), (990, 1479), (1000, 5368),
    ])
    static let foundUnits = SampleQuantiles([
        (0, 1), (250, 1), (500, 2), (750, 9), (900, 60), (950, 140), (990, 1000), (1000, 5568),
    ])

    /// Prices of a manual line, in pence.
    static let manualPence = SampleQuantiles([
        (0, 19), (100, 38), (250, 85), (500, 255), (750, 3500), (900, 55_772), (950, 129_840), (1000, 258_376),
    ])
}
