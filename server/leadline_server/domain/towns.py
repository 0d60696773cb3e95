"""Place names that North American carriers send as caller-ID names where they know only where the number belongs.

They come as city and state ("SAN FRANCISCO CA", "BOSTON, MA"), as a state alone ("CALIFORNIA") or as "TEXAS CALL". The
codes are those of the United States and Canadian postal services; the cities are the largest of each.
"""

import re

# Codes that also end a person's name: degrees and titles (MD, PA, MA, DC, MS, ND, PE), given names (CNAM: SMITH AL).
_ENDS_PERSONS = frozenset(["MD", "PA", "MA", "DC", "MS", "ND", "PE", "AL", "MO", "DE", "VI"])
# Codes that also are words, or end an organisation's name: FORD MOTOR CO, CHECK IN, DURHAM VA (Veterans Affairs).
_ARE_WORDS = frozenset(["CO", "HI", "ID", "IN", "LA", "ME", "OH", "OK", "ON", "OR", "PR", "VA"])

_CITIES = {
    "AB": "calgary|edmonton|red deer|lethbridge",
    "AK": "anchorage|fairbanks|juneau",
    "AL": "birmingham|montgomery|huntsville|mobile|tuscaloosa|hoover|auburn|dothan|decatur|florence|gadsden|opelika",
    "AR": "little rock|fayetteville|fort smith|jonesboro",
    "AZ": "phoenix|tucson|mesa|chandler|scottsdale|glendale|tempe|flagstaff|yuma",
    "BC": "vancouver|victoria|surrey|burnaby|kelowna|richmond",
    "CA": "los angeles|san diego|san jose|san francisco|fresno|sacramento|long beach|oakland|bakersfield|anaheim"
    "|beverly hills",
    "CO": "denver|colorado springs|aurora|fort collins|lakewood|thornton|arvada|westminster|pueblo|greeley|boulder"
    "|longmont",
    "CT": "bridgeport|new haven|stamford|hartford|waterbury",
    "DC": "washington",
    "DE": "wilmington|dover|newark|middletown|rehoboth beach|lewes|georgetown|seaford",
    "FL": "jacksonville|miami|tampa|orlando|st petersburg|fort lauderdale|tallahassee|boca raton|naples|sarasota",
    "GA": "atlanta|augusta|columbus|macon|savannah|athens|marietta",
    "GU": "hagatna|dededo",
    "HI": "honolulu|hilo|kailua|kaneohe|waipahu|pearl city|kahului|lihue|wailuku|kihei",
    "IA": "des moines|cedar rapids|davenport|sioux city|iowa city",
    "ID": "boise|meridian|nampa|idaho falls|pocatello|caldwell|coeur d'alene|twin falls|lewiston|moscow",
    "IL": "chicago|aurora|naperville|joliet|rockford|springfield|peoria|elgin",
    "IN": "indianapolis|fort wayne|evansville|south bend|carmel|fishers|bloomington|hammond|gary|lafayette|muncie"
    "|terre haute",
    "KS": "wichita|overland park|kansas city|olathe|topeka|lawrence",
    "KY": "louisville|lexington|bowling green|owensboro|covington",
    "LA": "new orleans|baton rouge|shreveport|lafayette|lake charles|metairie|kenner|bossier city|monroe|alexandria"
    "|houma",
    "MA": "boston|worcester|springfield|cambridge|lowell|brockton|quincy|lynn|new bedford|fall river|newton|lawrence"
    "|somerville|framingham|haverhill|waltham|malden|brookline|plymouth|medford|salem|peabody|pittsfield|braintree"
    "|hyannis|andover",
    "MB": "winnipeg|brandon",
    "MD": "baltimore|columbia|germantown|silver spring|waldorf|frederick|ellicott city|glen burnie|gaithersburg"
    "|rockville|bethesda|dundalk|towson|bowie|annapolis|hagerstown|college park|salisbury|laurel|greenbelt"
    "|ocean city|upper marlboro|cumberland",
    "ME": "portland|lewiston|bangor|south portland|auburn|biddeford|augusta|saco|brunswick|waterville|bar harbor",
    "MI": "detroit|grand rapids|warren|sterling heights|ann arbor|lansing|flint|kalamazoo",
    "MN": "minneapolis|st paul|saint paul|rochester|duluth|bloomington",
    "MO": "kansas city|st louis|saint louis|springfield|columbia|independence|lees summit|o'fallon|st joseph"
    "|st charles|joplin|jefferson city|cape girardeau|chesterfield|branson",
    "MS": "jackson|gulfport|southaven|biloxi|hattiesburg|olive branch|tupelo|meridian|greenville|pascagoula|oxford"
    "|vicksburg",
    "MT": "billings|missoula|great falls|bozeman|helena",
    "NB": "moncton|saint john|fredericton",
    "NC": "charlotte|raleigh|greensboro|durham|winston-salem|winston salem|fayetteville|asheville|wilmington",
    "ND": "fargo|bismarck|grand forks|minot|west fargo|williston|dickinson|mandan|jamestown",
    "NE": "omaha|lincoln|bellevue|grand island",
    "NH": "manchester|nashua|concord|portsmouth",
    "NJ": "newark|jersey city|paterson|elizabeth|trenton|camden|atlantic city|hackensack",
    "NL": "st john's|st johns|corner brook",
    "NM": "albuquerque|las cruces|santa fe|rio rancho",
    "NS": "halifax|sydney|dartmouth",
    "NT": "yellowknife",
    "NU": "iqaluit",
    "NV": "las vegas|henderson|reno|carson city",
    "NY": "new york|new york city|brooklyn|bronx|queens|staten island|buffalo|rochester|yonkers|syracuse|albany"
    "|manhattan",
    "OH": "columbus|cleveland|cincinnati|toledo|akron|dayton|parma|canton|youngstown|lorain|hamilton|springfield"
    "|mansfield|lima",
    "OK": "oklahoma city|tulsa|norman|broken arrow|edmond|lawton|moore|midwest city|enid|stillwater|muskogee"
    "|bartlesville",
    "ON": "toronto|ottawa|mississauga|brampton|hamilton|london|markham|vaughan|kitchener|windsor|richmond hill"
    "|oakville|burlington|sudbury|oshawa|barrie|guelph|kingston|waterloo|thunder bay|niagara falls|scarborough"
    "|etobicoke|north york",
    "OR": "portland|eugene|salem|gresham|hillsboro|beaverton|bend|medford|springfield|corvallis|albany|tigard"
    "|lake oswego",
    "PA": "philadelphia|pittsburgh|allentown|reading|erie|scranton|bethlehem|lancaster|harrisburg|york|wilkes-barre"
    "|wilkes barre|altoona|state college|king of prussia|west chester|norristown|easton|johnstown|levittown|bensalem"
    "|hazleton|lebanon",
    "PE": "charlottetown|summerside",
    "PR": "san juan|bayamon|carolina|ponce|caguas|guaynabo|mayaguez",
    "QC": "montreal|quebec|quebec city|laval|gatineau|longueuil|sherbrooke",
    "RI": "providence|warwick|cranston|pawtucket|newport",
    "SC": "charleston|columbia|greenville|myrtle beach|spartanburg|rock hill",
    "SD": "sioux falls|rapid city|aberdeen|pierre",
    "SK": "saskatoon|regina",
    "TN": "nashville|memphis|knoxville|chattanooga|clarksville|murfreesboro",
    "TX": "houston|san antonio|dallas|austin|fort worth|el paso|arlington|corpus christi|plano|laredo|lubbock|irving",
    "UT": "salt lake city|west valley city|provo|ogden|st george|orem",
    "VA": "virginia beach|norfolk|chesapeake|richmond|newport news|alexandria|hampton|roanoke|portsmouth|suffolk"
    "|lynchburg|arlington|harrisonburg|charlottesville|fairfax|reston|mclean|manassas|fredericksburg|leesburg"
    "|ashburn|herndon|sterling",
    "VI": "charlotte amalie|st thomas|st croix|christiansted",
    "VT": "burlington|rutland|montpelier",
    "WA": "seattle|spokane|tacoma|vancouver|bellevue|kent|everett|olympia",
    "WI": "milwaukee|madison|green bay|kenosha|racine|appleton",
    "WV": "charleston|huntington|morgantown|wheeling|parkersburg",
    "WY": "cheyenne|casper|laramie",
    "YT": "whitehorse",
}
_KNOWN = frozenset((city, code) for code, cities in _CITIES.items() for city in cities.split("|"))

_STATES = frozenset(
    state
    for line in (
        "alabama|alaska|arizona|arkansas|california|colorado|connecticut|delaware|florida|georgia|hawaii|idaho",
        "illinois|indiana|iowa|kansas|kentucky|louisiana|maine|maryland|massachusetts|michigan|minnesota|mississippi",
        "missouri|montana|nebraska|nevada|new hampshire|new jersey|new mexico|new york|north carolina|north dakota",
        "ohio|oklahoma|oregon|pennsylvania|rhode island|south carolina|south dakota|tennessee|texas|utah|vermont",
        "virginia|washington|west virginia|wisconsin|wyoming|district of columbia|puerto rico|alberta",
        "british columbia|manitoba|new brunswick|newfoundland|nova scotia|ontario|prince edward island|quebec",
        "saskatchewan|nunavut|yukon",
    )
    for state in line.split("|")
)
_ALSO_GIVEN_NAMES = frozenset(["alberta", "georgia", "indiana", "montana", "nevada", "virginia", "washington"])

# A word that no city's name holds, but an organisation's does: CITY OF DALLAS TX, ACME PLUMBING TX.
_ORGANISATION_WORDS = frozenset(
    word
    for line in (
        "of|and|the|inc|llc|ltd|corp|co|company|group|bank|credit|union|insurance|ins|realty|properties|homes",
        "services|service|svc|svcs|dept|office|hospital|clinic|medical|dental|health|care|pharmacy|hotel|inn|school",
        "schools|univ|university|college|church|law|legal|plumbing|electric|heating|roofing|construction|auto|motors",
        "motor|tech|systems|solutions|media|energy|foods|pizza|farm|farms|store|shop|supply|studio|salon|gov|govt",
        "state|police|sheriff|court|library|museum|association|assoc|partners",
    )
    for word in line.split("|")
)
_MAX_CITY_WORDS = 3  # RANCHO PALOS VERDES CA
_CITY_AND_STATE = re.compile(r"([^\W\d_][^\W\d_ .'\-]*(?:[ .'\-]+[^\W\d_]+)*)( ?, ?| )([A-Z]{2})")
_CALL = re.compile(r" CALL(?:ER)?$", re.IGNORECASE)


def is_state_code(word: str) -> bool:
    """Whether a word is the postal code of a state or province, in any case."""
    return word.upper() in _CITIES


def is_place(name: str) -> bool:
    """Whether a caller-ID name is only a place.

    A state alone is one; where its name is a given name too ("Georgia") only in capitals, as carriers write it. A city
    that is known to lie in the state after it is one in any case ("Boston MA"). Other words are taken for a city before

    - a code that means nothing else: in capitals ("YREKA CA"), or with a comma ("Yreka, CA");
    - a code that is a word too (CO, IN, OR, VA ...): only with a comma, so FORD MOTOR CO stays a name;
    - a code that ends persons' names (MD, PA, MA, AL ...): never, so JOHN DOE MD and "Jane Doe, MA" stay names. A small
      town of these states is taken for a name: a wrong name is easier to mend than a lost one.

    Args:
        name: cleaned: single spaces, no quotes.
    """
    bare = name.strip(" .,")
    if _is_state(_CALL.sub("", bare)):
        return True
    match = _CITY_AND_STATE.fullmatch(bare)
    if match is None or match[3] not in _CITIES:
        return False
    city, has_comma, code = match[1], "," in match[2], match[3]
    if (city.casefold().replace(".", ""), code) in _KNOWN:
        return True
    words = city.casefold().split()
    if code in _ENDS_PERSONS or len(words) > _MAX_CITY_WORDS or not _ORGANISATION_WORDS.isdisjoint(words):
        return False
    return has_comma or (code not in _ARE_WORDS and city.isupper())


def _is_state(name: str) -> bool:
    return name.casefold() in _STATES and (name.isupper() or name.casefold() not in _ALSO_GIVEN_NAMES)
